import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import StageRuntime

/// Calls as they go: `text/event-stream`.
struct StreamAPI: Sendable {
    private static let lastEventID = HTTPField.Name("Last-Event-ID")!

    let watch: CallWatch

    var routes: [Route] {
        [
            Route(method: .get, path: "/api/voice/calls/{callSid}/events") { request, context in
                let callSid = try context.callSid()
                let id = try Self.lastEventID(of: request)
                return self.answer(try await self.watch.open(callSid, after: id), to: request)
            },
            Route(method: .get, path: "/api/voice/events") { request, _ in
                self.answer(try await self.watch.openAll(after: try Self.lastEventID(of: request)), to: request)
            },
        ]
    }

    /// A browser's `EventSource` sends the header when it comes back; who opens a new one has only the query.
    private static func lastEventID(of request: Request) throws -> String? {
        if let id = request.headers[self.lastEventID], !id.isEmpty { return id }
        var fields = QueryFields(request)
        let id = fields.id("lastEventId")
        try fields.throwIfWrong()
        return id
    }

    private func answer(_ stream: OpenStream, to request: Request) -> Response {
        // A stream that is never begun, such as that of a HEAD, ends with this.
        let ending = Ending { self.watch.end(stream) }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .connection: "close"],
            body: ResponseBody { writer in
                defer { ending.end() }
                try await request.body.consumeWithInboundCloseHandler { body in
                    // A body whose end nobody reads traps when the watching ends.
                    for try await _ in body {}
                    try await self.write(stream, to: &writer)
                } onInboundClosed: {
                    stream.queue.close()
                }
                try await writer.finish(nil)
            }
        )
    }

    @concurrent private func write(_ stream: OpenStream, to writer: inout any ResponseBodyWriter) async throws {
        try await self.write(stream.history, to: &writer)
        while let frames = await stream.queue.next() { try await self.write(frames, to: &writer) }
    }

    @concurrent private func write(_ frames: [StreamFrame], to writer: inout any ResponseBodyWriter) async throws {
        var text = ByteBuffer()
        text.reserveCapacity(frames.reduce(0) { $0 + $1.text.readableBytes })
        for frame in frames { text.writeImmutableBuffer(frame.text) }
        try await writer.write(text)
        self.watch.metrics.wrote(frames, nowMs: UnixTime.nowMs)
    }

    /// Runs something once, when it is asked to or at the latest when nobody can ask any more.
    private final class Ending: Sendable {
        private let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }

        func end() { self.body() }

        deinit { self.body() }
    }
}
