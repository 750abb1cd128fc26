package import AsyncHTTPClient
package import NIOCore
package import NIOHTTP1

/// An event of a `text/event-stream`.
package struct ServerSentEvent: Sendable, Equatable {
    package var name = "message"
    /// That of this event or of the last before it, as a browser keeps it.
    package var id = ""
    package var data = ""
}

/// Reads a `text/event-stream` as a browser's `EventSource` does, but for coming back.
package struct EventStream: Sendable {
    package struct Refused: Error {
        package var status: Int
    }

    private let events: AsyncThrowingStream<ServerSentEvent, any Error>

    /// - Throws: `Refused` when the answer is not a stream.
    package init(
        _ url: String,
        headers: HTTPHeaders = [:],
        lastEventID: String? = nil,
        client: HTTPClient = .shared
    ) async throws {
        var request = HTTPClientRequest(url: url)
        request.headers = headers
        if let lastEventID { request.headers.add(name: "Last-Event-ID", value: lastEventID) }
        let response = try await client.execute(request, deadline: .now() + .hours(1))
        guard response.status == .ok, response.headers.first(name: "content-type") == "text/event-stream" else {
            throw Refused(status: Int(response.status.code))
        }
        let body = response.body
        let (events, source) = AsyncThrowingStream<ServerSentEvent, any Error>.makeStream()
        let reading = Task {
            var parser = EventStreamParser()
            do {
                for try await chunk in body {
                    for event in parser.add(chunk) { source.yield(event) }
                }
                source.finish()
            } catch {
                source.finish(throwing: error)
            }
        }
        source.onTermination = { _ in reading.cancel() }
        self.events = events
    }

    /// For one task at a time. Nil when the server has ended the stream.
    package func next() async throws -> ServerSentEvent? {
        var events = self.events.makeAsyncIterator()
        return try await events.next(isolation: #isolation)
    }
}

/// HTML Living Standard, 9.2.6, for lines that end with `\n`.
package struct EventStreamParser: Sendable {
    private var line: [UInt8] = []
    private var event = ServerSentEvent()
    private var hasData = false

    package init() {}

    package mutating func add(_ chunk: ByteBuffer) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in chunk.readableBytesView {
            guard byte == UInt8(ascii: "\n") else {
                self.line.append(byte)
                continue
            }
            if self.line.isEmpty {
                if self.hasData { events.append(self.event) }
                self.event = ServerSentEvent(id: self.event.id)
                self.hasData = false
            } else {
                self.take(String(decoding: self.line, as: UTF8.self))
                self.line.removeAll(keepingCapacity: true)
            }
        }
        return events
    }

    private mutating func take(_ line: String) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count == 2 ? String(parts[1].hasPrefix(" ") ? parts[1].dropFirst() : parts[1]) : ""
        switch parts[0] {
        case "event": self.event.name = value
        case "id": self.event.id = value
        case "data":
            self.event.data += self.hasData ? "\n" + value : value
            self.hasData = true
        default: break
        }
    }
}
