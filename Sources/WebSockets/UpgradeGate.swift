import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Decides on the first request of a connection before NIO's upgrade handler sees it.
///
/// NIO drops the head of an upgrade that is declined. So only what is accepted keeps its `Upgrade` header behind this
/// handler; everything else goes on as a plain request, and a refusal is kept for whoever answers it.
/// Confined to its channel's event loop; leaves the pipeline when the decision is made.
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private enum State {
        case waitingForHead
        /// What arrives meanwhile, in order.
        case deciding([NIOAny], complete: Bool)
        case decided
    }

    private let upgrade: @Sendable (HTTPRequest) async -> HTTPServer.Upgrade
    private var state = State.waitingForHead
    private(set) var handler: (@Sendable (WebSocket) async -> Void)?
    private(set) var refusal: Refusal?

    init(upgrade: @escaping @Sendable (HTTPRequest) async -> HTTPServer.Upgrade) {
        self.upgrade = upgrade
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .waitingForHead:
            guard case .head(let head) = Self.unwrapInboundIn(data) else { return context.fireChannelRead(data) }
            self.received(head, context: context)
        case .deciding(var parts, let complete):
            self.state = .decided
            parts.append(data)
            self.state = .deciding(parts, complete: complete)
        case .decided:
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .deciding(let parts, _) = self.state {
            self.state = .deciding(parts, complete: true)
        } else {
            context.fireChannelReadComplete()
        }
    }

    /// A connection whose first request has not begun has nothing to finish: a server that stops would wait for it until
    /// its peer gives it up, and clients open such connections ahead of need.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, case .waitingForHead = self.state {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func received(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        guard head.headers.contains(name: "upgrade") else { return self.pass(head, context: context) }
        guard head.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }),
            head.method == .GET,
            let request = try? HTTPRequest(head, secure: false, splitCookie: false)
        else { return self.pass(Self.plain(head), context: context) }
        self.state = .deciding([], complete: false)
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loopContext = NIOLoopBound(context, eventLoop: context.eventLoop)
        let upgrade = self.upgrade
        // The one task outside of the tree: a channel handler cannot wait, and the decision ends by itself.
        context.eventLoop.makeFutureWithTask { await upgrade(request) }.whenSuccess { decision in
            gate.value.decided(decision, head: head, context: loopContext.value)
        }
    }

    private func decided(_ decision: HTTPServer.Upgrade, head: HTTPRequestHead, context: ChannelHandlerContext) {
        switch decision {
        case .accept(let handler):
            if Self.isCompleteHandshake(head) {
                self.handler = handler
                self.pass(head, context: context)
            } else {
                self.refusal = .badHandshake
                self.pass(Self.plain(head), context: context)
            }
        case .refuse(let status, let contentType, let body):
            self.refusal = Refusal(status: status, contentType: contentType, body: body)
            self.pass(Self.plain(head), context: context)
        case .notHere:
            self.pass(Self.plain(head), context: context)
        }
    }

    private func pass(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        var parts: [NIOAny] = []
        var complete = false
        if case .deciding(let waiting, let wasComplete) = self.state { (parts, complete) = (waiting, wasComplete) }
        self.state = .decided
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
        for part in parts {
            context.fireChannelRead(part)
        }
        if complete { context.fireChannelReadComplete() }
        // An accepted upgrade has taken this handler out with the HTTP decoder.
        if self.handler == nil { context.pipeline.syncOperations.removeHandler(self, promise: nil) }
    }

    /// The request without the wish for an upgrade. NIO's decoder reads nothing behind a request that had one, so it is
    /// the connection's last.
    private static func plain(_ head: HTTPRequestHead) -> HTTPRequestHead {
        var head = head
        head.headers.remove(name: "upgrade")
        head.headers.replaceOrAdd(name: "connection", value: "close")
        return head
    }

    /// RFC 6455, section 4.2.1.
    private static func isCompleteHandshake(_ head: HTTPRequestHead) -> Bool {
        head.headers["sec-websocket-key"].count == 1 && head.headers["sec-websocket-version"] == ["13"]
    }
}

/// How an upgrade is turned down.
struct Refusal: Sendable {
    var status: HTTPResponse.Status
    var contentType: String
    var body: String

    static let badHandshake = Refusal(
        status: .upgradeRequired,
        contentType: "text/plain; charset=utf-8",
        body: "A WebSocket of version 13 needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13.\n"
    )
}
