import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// A connection whose first request may make it a WebSocket; else it speaks HTTP/1.1 with Hummingbird.
struct HTTPOrWebSocketChannel: ServerChildChannel, HTTPChannelHandler {
    typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    enum Negotiated: Sendable {
        case http(HTTPChannel, refusal: Refusal?)
        case webSocket(WebSocketConnection, handler: @Sendable (WebSocket) async -> Void)
    }

    struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<Negotiated>
        let channel: any Channel
    }

    let responder: Responder
    let maxMessageBytes: Int
    let drain: TimeAmount
    /// Where the owners of WebSockets run: on the event loop of their connection, or where tasks run otherwise.
    let onEventLoop: Bool
    let upgrade: @Sendable (HTTPRequest) async -> HTTPServer.Upgrade

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
            let gate = UpgradeGate(upgrade: self.upgrade)
            let boundGate = NIOLoopBound(gate, eventLoop: channel.eventLoop)
            let upgradeHandler = NIOTypedHTTPServerUpgradeHandler(
                httpEncoder: encoder,
                extraHTTPHandlers: [decoder, gate],
                upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration(
                    upgraders: [Upgrader(gate: boundGate, maxMessageBytes: self.maxMessageBytes, drain: self.drain)],
                    notUpgradingCompletionHandler: { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let http = try Self.addHTTP(to: channel, logger: logger)
                            return .http(http, refusal: boundGate.value.refusal)
                        }
                    }
                )
            )
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(encoder)
            try pipeline.addHandler(decoder)
            try pipeline.addHandler(gate)
            try pipeline.addHandler(upgradeHandler)
            return Value(negotiated: upgradeHandler.upgradeResultFuture, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        let negotiated: Negotiated
        do {
            negotiated = try await value.negotiated.get()
        } catch {
            logger.trace("Connection ended before its first request", metadata: ["error": "\(error)"])
            value.channel.close(mode: .all, promise: nil)
            return
        }
        switch negotiated {
        case .http(let channel, refusal: nil):
            await self.handleHTTP(asyncChannel: channel, logger: logger)
        case .http(let channel, refusal: .some(let refusal)):
            await Self.answer(refusal, on: channel, logger: logger)
        case .webSocket(let connection, let handler):
            let executor = self.onEventLoop ? EventLoopTaskExecutor(value.channel.eventLoop) : nil
            await withTaskExecutorPreference(executor) {
                await handler(WebSocket(connection: connection))
                await connection.finish(code: 1000)
            }
        }
    }

    private static func addHTTP(to channel: any Channel, logger: Logger) throws -> HTTPChannel {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true)
        )
    }

    private static func answer(_ refusal: Refusal, on channel: HTTPChannel, logger: Logger) async {
        do {
            try await channel.executeThenClose { _, outbound in
                let body = ByteBuffer(string: refusal.body)
                var head = HTTPResponse(status: refusal.status)
                head.headerFields[.contentType] = refusal.contentType
                head.headerFields[.contentLength] = String(body.readableBytes)
                head.headerFields[.connection] = "close"
                if refusal.status == .upgradeRequired {
                    head.headerFields[.upgrade] = "websocket"
                    head.headerFields[.secWebSocketVersion] = "13"
                }
                try await outbound.write(contentsOf: [.head(head), .body(body), .end(nil)])
                outbound.finish()
            }
        } catch {
            logger.trace("A refused peer went away", metadata: ["error": "\(error)"])
        }
    }
}

/// NIO's handshake with our pipeline behind it, where nothing encodes frames a second time.
private struct Upgrader: NIOTypedHTTPServerProtocolUpgrader {
    typealias Negotiated = HTTPOrWebSocketChannel.Negotiated

    let gate: NIOLoopBound<UpgradeGate>
    let maxMessageBytes: Int
    let drain: TimeAmount
    private let handshake = NIOTypedWebSocketServerUpgrader<Void>(
        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
        upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
    )

    init(gate: NIOLoopBound<UpgradeGate>, maxMessageBytes: Int, drain: TimeAmount) {
        self.gate = gate
        self.maxMessageBytes = maxMessageBytes
        self.drain = drain
    }

    var supportedProtocol: String { self.handshake.supportedProtocol }
    var requiredUpgradeHeaders: [String] { self.handshake.requiredUpgradeHeaders }

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        self.handshake.buildUpgradeResponse(
            channel: channel,
            upgradeRequest: upgradeRequest,
            initialResponseHeaders: initialResponseHeaders
        )
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<Negotiated> {
        channel.eventLoop.makeCompletedFuture {
            guard let handler = self.gate.value.handler else { throw WebSocketError(.closed) }
            let connection = try WebSocketHandler.install(
                on: channel,
                isServer: true,
                maxMessageBytes: self.maxMessageBytes,
                drain: self.drain
            )
            return .webSocket(connection, handler: handler)
        }
    }
}
