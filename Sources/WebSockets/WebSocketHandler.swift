import NIOCore
import NIOWebSocket

/// The WebSocket protocol on the event loop: gives whole messages to the owner's sequence, answers pings, and keeps the
/// closing handshake. Behind NIO's frame decoder; what is written is encoded already.
///
/// Fragments are joined here: NIO's aggregator loses whether they were masked.
/// Confined to its channel's event loop.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Sent down the pipeline by the owner.
    struct CloseRequest: Sendable {
        var code: UInt16
        var reason: String
        /// The owner reads no more: what still arrives is thrown away.
        var discardsInbound = false
    }

    /// Calls from the owner's sequence; from any thread.
    final class Delegate: NIOAsyncSequenceProducerDelegate, Sendable {
        private let eventLoop: any EventLoop
        private let handler: NIOLoopBound<WebSocketHandler>

        init(_ handler: WebSocketHandler, eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
            self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
        }

        func produceMore() {
            self.eventLoop.execute { self.handler.value.resumeReading() }
        }

        func didTerminate() {
            self.eventLoop.execute { self.handler.value.discardInbound() }
        }
    }

    private enum Closing {
        case open
        /// We sent a close frame and wait for the peer's.
        case closeSent
        /// Both have, or the protocol was broken: the connection goes once the last frame is out.
        case done
    }

    private enum Reading {
        case running
        case paused
        case pausedWithReadPending
    }

    /// How long a peer may take to answer a close frame.
    static let closeTimeout = TimeAmount.seconds(1)

    /// The message that is not complete yet.
    private struct Fragments {
        var isText: Bool
        var payload = ByteBuffer()
    }

    private let isServer: Bool
    private let maxMessageBytes: Int
    private let drain: TimeAmount
    private var connection: WebSocketConnection?
    private var source: WebSocketConnection.Messages.Source?
    private var context: ChannelHandlerContext?
    private var fragments: Fragments?
    private var batch: [WebSocket.Message] = []
    private var reading = Reading.running
    private var closing = Closing.open
    private var timeout: Scheduled<Void>?

    private init(isServer: Bool, maxMessageBytes: Int, drain: TimeAmount) {
        self.isServer = isServer
        self.maxMessageBytes = maxMessageBytes
        self.drain = drain
    }

    /// Makes the channel, whose HTTP handlers are gone, a WebSocket. On its event loop.
    /// - Parameter drain: how long the socket may stay open after the server began to shut down.
    static func install(
        on channel: any Channel,
        isServer: Bool,
        maxMessageBytes: Int,
        drain: TimeAmount = .zero
    ) throws -> WebSocketConnection {
        let handler = WebSocketHandler(isServer: isServer, maxMessageBytes: maxMessageBytes, drain: drain)
        let made = WebSocketConnection.Messages.makeSequence(
            backPressureStrategy: .init(lowWatermark: 16, highWatermark: 128),
            finishOnDeinit: true,
            delegate: Delegate(handler, eventLoop: channel.eventLoop)
        )
        let connection = WebSocketConnection(
            channel: channel,
            messages: made.sequence,
            encoding: FrameEncoding(masks: !isServer)
        )
        handler.source = made.source
        handler.connection = connection
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: maxMessageBytes)))
        try pipeline.addHandler(handler)
        return connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.timeout?.cancel()
        self.context = nil
        self.connection = nil
        self.fragments = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = Self.unwrapInboundIn(data)
        guard self.closing != .done else { return }
        guard (frame.maskKey != nil) == self.isServer, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return self.fail(WebSocketError(.protocolViolation, detail: "mask or reserved bits"), code: .protocolError)
        }
        switch frame.opcode {
        case .text, .binary, .continuation:
            self.receivedData(frame)
        case .ping:
            // A peer that pings and does not read gets no pongs, instead of filling our memory.
            if self.closing == .open, context.channel.isWritable {
                self.write(frame.payload, opcode: .pong, promise: nil)
            }
        case .connectionClose:
            self.receivedClose(frame.payload)
        case .pong:
            break
        default:
            self.fail(WebSocketError(.protocolViolation, detail: "unknown opcode"), code: .protocolError)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.connection?.heard()
        self.deliver()
    }

    func read(context: ChannelHandlerContext) {
        switch self.reading {
        case .running: context.read()
        case .paused, .pausedWithReadPending: self.reading = .pausedWithReadPending
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            // A WebSocket that hears no more is of no use, whether or not TCP can still send.
            self.end()
            context.close(promise: nil)
        case is ChannelShouldQuiesceEvent:
            self.closeAfterDraining(context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let request = event as? CloseRequest else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        if request.discardsInbound { self.discardInbound() }
        self.beginClose(code: request.code, reason: request.reason)
        promise?.succeed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength:
            self.fail(WebSocketError(.messageTooLarge), code: .messageTooLarge)
        case is NIOWebSocketError:
            self.fail(WebSocketError(.protocolViolation, detail: "\(error)"), code: .protocolError)
        default:
            // The connection broke (reset, TLS without a goodbye).
            self.end()
            context.close(promise: nil)
        }
    }

    /// The owner has read enough for more to be fetched.
    private func resumeReading() {
        let wanted = self.reading == .pausedWithReadPending
        self.reading = .running
        if wanted { self.context?.read() }
    }

    /// Nobody reads the messages any more; pings and the close still matter.
    private func discardInbound() {
        self.source = nil
        self.batch = []
        self.resumeReading()
    }

    /// One wake-up of the owner for all that one read brought.
    private func deliver() {
        guard !self.batch.isEmpty else { return }
        if let source = self.source, case .stopProducing = source.yield(contentsOf: self.batch) {
            if self.reading == .running { self.reading = .paused }
        }
        self.batch.removeAll(keepingCapacity: true)
    }

    private func receivedData(_ frame: WebSocketFrame) {
        let continues = frame.opcode == .continuation
        guard continues == (self.fragments != nil) else {
            return self.fail(WebSocketError(.protocolViolation, detail: "fragments"), code: .protocolError)
        }
        if !continues, frame.fin {
            self.batch.append(frame.opcode == .text ? .text(frame.payload) : .binary(frame.payload))
            return
        }
        var message = self.fragments ?? Fragments(isText: frame.opcode == .text)
        self.fragments = nil
        guard message.payload.readableBytes + frame.length <= self.maxMessageBytes else {
            return self.fail(WebSocketError(.messageTooLarge), code: .messageTooLarge)
        }
        message.payload.writeImmutableBuffer(frame.payload)
        if frame.fin {
            self.batch.append(message.isText ? .text(message.payload) : .binary(message.payload))
        } else {
            self.fragments = message
        }
    }

    private func receivedClose(_ payload: ByteBuffer) {
        var payload = payload
        let close: WebSocket.Close
        if payload.readableBytes == 0 {
            close = WebSocket.Close(code: 1005, reason: "")
        } else if let code = payload.readInteger(as: UInt16.self), Self.mayBeSent(code) {
            close = WebSocket.Close(code: code, reason: String(buffer: payload))
        } else {
            return self.fail(WebSocketError(.protocolViolation, detail: "close code"), code: .protocolError)
        }
        self.connection?.closed(with: close)
        let wasOpen = self.closing == .open
        self.closing = .done
        self.end()
        if wasOpen {
            let echo =
                close.code == 1005 ? ByteBuffer() : FrameEncoding.closePayload(code: close.code, reason: close.reason)
            self.writeLast(echo)
        } else {
            self.context?.close(promise: nil)
        }
    }

    /// RFC 6455, section 7.4: 1004–1006 and 1015 never travel.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private func beginClose(code: UInt16, reason: String) {
        guard self.closing == .open, let context = self.context else { return }
        self.closing = .closeSent
        self.connection?.closed()
        self.write(FrameEncoding.closePayload(code: code, reason: reason), opcode: .connectionClose, promise: nil)
        self.scheduleDisconnect(context)
    }

    private func closeAfterDraining(_ context: ChannelHandlerContext) {
        guard self.drain > .zero else { return self.beginClose(code: 1001, reason: "") }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let drained = context.eventLoop.scheduleTask(in: self.drain) {
            bound.value.beginClose(code: 1001, reason: "")
        }
        context.channel.closeFuture.whenComplete { _ in drained.cancel() }
    }

    /// The peer broke the rules: tells it why, and ends.
    private func fail(_ error: WebSocketError, code: WebSocketErrorCode) {
        guard self.closing != .done else { return }
        let wasOpen = self.closing == .open
        self.closing = .done
        self.end(throwing: error)
        guard wasOpen else {
            self.context?.close(promise: nil)
            return
        }
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: code)
        self.writeLast(payload)
    }

    private func end(throwing error: WebSocketError? = nil) {
        self.connection?.closed()
        self.deliver()
        if let error { self.source?.finish(error) } else { self.source?.finish() }
        self.source = nil
    }

    /// A close frame, after which the connection goes.
    private func writeLast(_ payload: ByteBuffer) {
        guard let context = self.context else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(mode: .all, promise: nil) }
        self.write(payload, opcode: .connectionClose, promise: written)
        self.scheduleDisconnect(context)
    }

    private func write(_ payload: ByteBuffer, opcode: WebSocketOpcode, promise: EventLoopPromise<Void>?) {
        guard let context = self.context, let connection = self.connection else { return }
        var frame = context.channel.allocator.buffer(
            capacity: payload.readableBytes + FrameEncoding.maximumOverhead
        )
        connection.encoding.append(payload, opcode: opcode, to: &frame)
        context.writeAndFlush(Self.wrapOutboundOut(frame), promise: promise)
    }

    private func scheduleDisconnect(_ context: ChannelHandlerContext) {
        guard self.timeout == nil else { return }
        let channel = context.channel
        self.timeout = context.eventLoop.scheduleTask(in: Self.closeTimeout) {
            channel.close(mode: .all, promise: nil)
        }
    }
}
