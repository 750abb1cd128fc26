import CallEvents
import CoreMetrics
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import TwilioMedia
import WebSockets

/// The life of one accepted Media Stream.
struct MediaStreamSession: Sendable {
    /// Why it ended: `StreamStopped.reason`.
    enum End: String {
        /// Twilio said so.
        case stop
        /// The socket closed without.
        case closed
        case error
        /// We shut down.
        case drained
    }

    let stream: MediaStream
    let socket: WebSocket
    let server: MediaStreamServer
    let logger: Logger

    init(stream: MediaStream, socket: WebSocket, server: MediaStreamServer) {
        self.stream = stream
        self.socket = socket
        self.server = server
        var logger = server.logger
        logger[metadataKey: LogKey.callSid] = "\(stream.callSid)"
        logger[metadataKey: LogKey.streamSid] = "\(stream.streamSid)"
        self.logger = logger
    }

    /// Writes what is to be known of the stream, from its start to its end, in order and beside the audio.
    func tell() async {
        await self.announce()
        var keys = 0
        for await fact in self.stream.facts {
            switch fact {
            case .pressed(let digit):
                await self.pressed(digit, count: keys)
                keys += 1
            case .ended(let end):
                await self.announceEnd(end)
            }
        }
    }

    private func announce() async {
        self.logger.info("Stream started", metadata: ["stream.epoch": "\(self.stream.streamEpoch)"])
        var started = StreamStarted()
        started.streamSid = self.stream.streamSid
        started.streamEpoch = self.stream.streamEpoch
        started.outboundPartition = self.server.outboundPartition
        started.ingressInstance = self.server.instanceID
        guard await !self.publish(.streamStarted(started), id: self.id("stream-started")) else { return }
        // Nobody would know of this stream: Twilio may connect another one.
        self.socket.abort()
    }

    private func pressed(_ digit: String, count: Int) async {
        var dtmf = DtmfReceived()
        dtmf.digit = digit
        dtmf.streamEpoch = self.stream.streamEpoch
        await self.publish(.dtmfReceived(dtmf), id: self.id("dtmf") + "/\(count)")
    }

    private func announceEnd(_ end: End) async {
        self.logger.info("Stream stopped", metadata: ["reason": "\(end.rawValue)"])
        var stopped = StreamStopped()
        stopped.streamSid = self.stream.streamSid
        stopped.streamEpoch = self.stream.streamEpoch
        stopped.reason = end.rawValue
        await self.publish(.streamStopped(stopped), id: self.id("stream-stopped"))
    }

    private func id(_ kind: String) -> String {
        "\(kind)/\(self.stream.callSid)/\(self.stream.streamEpoch)"
    }

    /// - Returns: false when the event was not delivered.
    @discardableResult
    private func publish(_ body: CallEvent.OneOf_Body, id: String) async -> Bool {
        do {
            try await self.server.events.write(body, id: id, callSid: self.stream.callSid)
            return true
        } catch {
            self.logger.error("An event was not delivered", metadata: ["event": "\(id)", LogKey.error: "\(error)"])
            return false
        }
    }

    // MARK: From Twilio

    /// Reads until the stream ends.
    func read(
        _ messages: inout sending WebSocket.Inbound.AsyncIterator,
        _ budget: inout MessageBudget
    ) async -> End {
        var audio = ByteBuffer()
        do {
            while let message = try await messages.next() {
                let nowUs = UnixTime.nowUs
                guard budget.takes(message.readableBytes, nowUs: nowUs) else { return await self.isFlooded() }
                guard case .text(let text) = message,
                    let event = try? MediaStreamEvent(parsing: text, audio: &audio)
                else {
                    self.server.metrics.dropped(.unreadable)
                    continue
                }
                switch event {
                case .media(let media): self.stream.received(media, nowUs: nowUs)
                case .mark(let name): self.stream.acknowledged(mark: name, nowUs: nowUs)
                case .dtmf(let digit): self.stream.pressed(digit)
                case .stop: return .stop
                case .connected, .start, .other: continue
                }
            }
            return Task.isShuttingDownGracefully ? .drained : .closed
        } catch {
            self.logger.warning("A stream broke", metadata: [LogKey.error: "\(error)"])
            return .error
        }
    }

    private func isFlooded() async -> End {
        self.server.metrics.streamsFlooded.increment()
        self.logger.warning("A stream was closed because its peer sends more than Twilio ever does")
        await MediaStreamServer.refuse(self.socket, "too many messages")
        return .error
    }

    // MARK: A silent socket

    /// Asks a silent peer for a sign of life; when none comes, asks Twilio whether there is a call at all, and closes
    /// the socket, so that Twilio asks for TwiML again if there is.
    func watch() async {
        var askedAt = ContinuousClock.now
        var isAsked = false
        for await silence in self.stream.silences {
            if askedAt < self.socket.lastHeard { isAsked = false }
            // A process that was stopped for long finds every socket silent: first it must have listened again.
            if silence == .dead, isAsked, .now - askedAt >= self.server.silence / 4 { return await self.giveUp() }
            if !isAsked { (askedAt, isAsked) = (.now, true) }
            // A socket that is gone ends the reader, and that ends this.
            try? await self.socket.sendPing()
        }
    }

    private func giveUp() async {
        self.server.metrics.streamsSilent.increment()
        self.logger.warning("Nothing arrives on a stream: looking the call up")
        await self.lookUp()
        try? await self.socket.close(code: 1001, reason: "silent")
    }

    /// Whether the call is over, of which nobody told us; then as if its status callback had come.
    private func lookUp() async {
        do {
            guard case .over(let progress, let seconds) = try await self.server.calls.lookUp(self.stream.callSid) else {
                return
            }
            self.logger.info("The call is over", metadata: ["status": "\(progress.status)"])
            let number = progress.usualSequence ?? 0
            var changed = CallStatusChanged()
            changed.status = progress.status
            changed.sequenceNumber = number
            changed.durationSeconds = seconds
            await self.publish(.statusChanged(changed), id: "status/\(self.stream.callSid)/\(number)")
            try await self.server.claims.ended(self.stream.callSid)
        } catch {
            self.logger.warning("A silent stream's call is not accounted for", metadata: [LogKey.error: "\(error)"])
        }
    }

    // MARK: Hanging up

    /// Ends the call when the goodbye was played, or should have been by now, or Twilio stopped the stream.
    func hangUpWhenPlayed() async {
        for await limit in self.stream.hangUpRequests {
            switch await self.stream.hangUpPlayed.first(within: limit) {
            case .ended where self.stream.isInterrupted: return
            case .timedOut: self.logger.warning("Hanging up although the goodbye was not played in time")
            case .signalled, .ended: break
            }
            await self.hangUp()
        }
    }

    private func hangUp() async {
        do {
            try await self.server.calls.hangUp(self.stream.callSid)
            self.logger.info("Call ended by us")
        } catch {
            self.logger.error("A call could not be ended", metadata: [LogKey.error: "\(error)"])
        }
    }
}

extension WebSocket.Message {
    fileprivate var readableBytes: Int {
        switch self {
        case .text(let bytes), .binary(let bytes): bytes.readableBytes
        }
    }
}
