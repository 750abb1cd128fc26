import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The client's half of the opening handshake.
enum ClientUpgrade {
    enum Outcome: Sendable {
        case webSocket(WebSocketConnection)
        case refused(EventLoopFuture<WebSocketError>)
    }

    /// A TCP connection on which the upgrade is under way.
    struct Attempt: Sendable {
        let channel: any Channel
        let outcome: EventLoopFuture<Outcome>

        /// - Throws: `WebSocketError`, or `CancellationError`; the channel is closed then.
        func connection(deadline: NIODeadline) async throws -> WebSocketConnection {
            let result = self.channel.eventLoop.makePromise(of: WebSocketConnection.self)
            let timeout = self.channel.eventLoop.scheduleTask(deadline: deadline) {
                result.fail(WebSocketError(.connectTimedOut))
            }
            let error = self.outcome.flatMap { outcome in
                switch outcome {
                case .webSocket(let connection):
                    self.channel.eventLoop.makeSucceededFuture(connection)
                case .refused(let answer):
                    answer.flatMapThrowing { throw $0 }
                }
            }
            error.cascade(to: result)
            result.futureResult.whenComplete { _ in timeout.cancel() }
            do {
                return try await withTaskCancellationHandler {
                    try await result.futureResult.get()
                } onCancel: {
                    result.fail(CancellationError())
                }
            } catch {
                self.channel.close(mode: .all, promise: nil)
                switch error {
                case let error as WebSocketError: throw error
                case is CancellationError: throw error
                default: throw WebSocketError(.connectFailed, detail: "\(error)")
                }
            }
        }
    }

    /// Adds the handlers that ask for the upgrade when the channel is active. On its event loop.
    static func start(
        on channel: any Channel,
        url: WebSocketURL,
        headers: HTTPHeaders,
        maxMessageBytes: Int
    ) throws -> Attempt {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
        head.headers.replaceOrAdd(name: "Host", value: url.authority)
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: head,
                upgraders: [Upgrader(maxMessageBytes: maxMessageBytes)],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let collector = RefusalCollector(answer: channel.eventLoop.makePromise())
                        try channel.pipeline.syncOperations.addHandler(collector)
                        return .refused(collector.answer.futureResult)
                    }
                }
            )
        )
        // The server's first frames may come in the packet of its 101.
        configuration.leftOverBytesStrategy = .forwardBytes
        let outcome = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: configuration
        )
        return Attempt(channel: channel, outcome: outcome)
    }

    /// NIO's handshake with our pipeline behind it.
    private struct Upgrader: NIOTypedHTTPClientProtocolUpgrader {
        let maxMessageBytes: Int
        private let handshake = NIOTypedWebSocketClientUpgrader<Void>(
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        )

        init(maxMessageBytes: Int) {
            self.maxMessageBytes = maxMessageBytes
        }

        var supportedProtocol: String { self.handshake.supportedProtocol }
        var requiredUpgradeHeaders: [String] { self.handshake.requiredUpgradeHeaders }

        func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
            self.handshake.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
        }

        func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
            self.handshake.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
        }

        func upgrade(channel: any Channel, upgradeResponse: HTTPResponseHead) -> EventLoopFuture<Outcome> {
            channel.eventLoop.makeCompletedFuture {
                .webSocket(
                    try WebSocketHandler.install(
                        on: channel,
                        isServer: false,
                        maxMessageBytes: self.maxMessageBytes
                    )
                )
            }
        }
    }
}

/// Makes an error of the answer that is not a 101: its status and the start of its body.
private final class RefusalCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    static let maximumBody = 2048

    let answer: EventLoopPromise<WebSocketError>
    private var status: Int?
    private var body = ByteBuffer()

    init(answer: EventLoopPromise<WebSocketError>) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            self.status = Int(head.status.code)
        case .body(var part):
            let room = Self.maximumBody - self.body.readableBytes
            if let slice = part.readSlice(length: min(room, part.readableBytes)) {
                self.body.writeImmutableBuffer(slice)
            }
        case .end:
            self.finish()
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.finish()
        context.close(promise: nil)
    }

    private func finish() {
        self.answer.succeed(WebSocketError(.notUpgraded, status: self.status, detail: String(buffer: self.body)))
    }
}
