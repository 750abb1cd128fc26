import CallEvents
import CoreMetrics
import Kafka
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

    /// Messages to Twilio that go out with one flush.
    private static let batchLimit = 64

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

    func announce() async {
        self.logger.info("Stream started", metadata: ["stream.epoch": "\(self.stream.streamEpoch)"])
        var started = StreamStarted()
        started.streamSid = self.stream.streamSid
        started.streamEpoch = self.stream.streamEpoch
        started.outboundPartition = self.server.outboundPartition
        started.ingressInstance = self.server.instanceID
        guard await !self.publish(.streamStarted(started), kind: "stream-started") else { return }
        // Nobody would know of this stream: Twilio may connect another one.
        self.socket.abort()
    }

    func announceEnd(_ end: End) async {
        self.logger.info("Stream stopped", metadata: ["reason": "\(end.rawValue)"])
        var stopped = StreamStopped()
        stopped.streamSid = self.stream.streamSid
        stopped.streamEpoch = self.stream.streamEpoch
        stopped.reason = end.rawValue
        await self.publish(.streamStopped(stopped), kind: "stream-stopped")
    }

    /// - Returns: false when the event was not delivered.
    @discardableResult
    private func publish(_ body: CallEvent.OneOf_Body, kind: String) async -> Bool {
        do {
            let id = "\(kind)/\(self.stream.callSid)/\(self.stream.streamEpoch)"
            try await self.server.events.write(body, id: id, callSid: self.stream.callSid)
            return true
        } catch {
            self.logger.error("An event was not delivered", metadata: ["event": "\(kind)", LogKey.error: "\(error)"])
            return false
        }
    }

    // MARK: From Twilio

    /// Reads until the stream ends.
    func read(_ messages: inout sending WebSocket.Inbound.AsyncIterator) async -> End {
        var inbound = InboundAudio(session: self)
        do {
            while let message = try await messages.next() {
                guard case .text(let text) = message, let event = try? MediaStreamEvent(parsing: text) else {
                    self.server.metrics.dropped(.unreadable)
                    continue
                }
                switch event {
                case .media(let media): try inbound.received(media)
                case .mark(let name): self.stream.acknowledged(mark: name, nowUs: UnixTime.nowUs)
                case .dtmf(let digit): await self.pressed(digit, count: inbound.nextDigit())
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

    private func pressed(_ digit: String, count: Int) async {
        var dtmf = DtmfReceived()
        dtmf.digit = digit
        dtmf.streamEpoch = self.stream.streamEpoch
        do {
            try await self.server.events.write(
                .dtmfReceived(dtmf),
                id: "dtmf/\(self.stream.callSid)/\(self.stream.streamEpoch)/\(count)",
                callSid: self.stream.callSid
            )
        } catch {
            self.logger.error("An event was not delivered", metadata: ["event": "dtmf", LogKey.error: "\(error)"])
        }
    }

    // MARK: To Twilio

    /// Sends what is queued, all that is ready with one flush, until the stream ends.
    func write() async {
        let writer = MediaStreamWriter(streamSid: self.stream.streamSid)
        var texts: [ByteBuffer] = []
        for await _ in self.stream.wakeups {
            while true {
                let batch = self.stream.take(Self.batchLimit)
                if batch.isEmpty { break }
                texts.removeAll(keepingCapacity: true)
                for outgoing in batch { texts.append(writer.message(outgoing.command)) }
                // A socket that is gone ends the reader, and that ends this.
                guard (try? await self.socket.send(texts: texts)) != nil else { return }
                self.sent(batch)
            }
        }
    }

    private func sent(_ batch: [MediaStream.Outgoing]) {
        let nowUs = UnixTime.nowUs
        var frames = 0
        for outgoing in batch {
            let nanoseconds = max(0, nowUs - outgoing.receivedAtUs) * 1_000
            switch outgoing.command {
            case .media:
                frames += 1
                self.server.metrics.outboundLatency.recordNanoseconds(nanoseconds)
            case .clear:
                self.server.metrics.clearLatency.recordNanoseconds(nanoseconds)
            case .mark:
                break
            }
        }
        self.server.metrics.outboundFrames.increment(by: frames)
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

/// Caller audio on its way to Kafka.
private struct InboundAudio {
    private let producer: KafkaProducer
    private let topic: String
    private let key: ByteBuffer
    private let outboundPartition: Int32
    private let stream: MediaStream
    private let metrics: IngressMetrics
    private var framing = InboundFraming()
    private var digits = 0

    init(session: MediaStreamSession) {
        self.producer = session.server.audio
        self.topic = session.server.inboundTopic
        self.key = ByteBuffer(string: session.stream.callSid.rawValue)
        self.outboundPartition = session.server.outboundPartition
        self.stream = session.stream
        self.metrics = session.server.metrics
    }

    mutating func nextDigit() -> Int {
        defer { self.digits += 1 }
        return self.digits
    }

    /// Queues the message's frames and waits for nothing: when the producer's queue is full, a frame is lost.
    mutating func received(_ media: MediaStreamEvent.Media) throws {
        let nowUs = UnixTime.nowUs
        guard self.framing.received(media) != .repeated else {
            self.metrics.dropped(IngressMetrics.InboundDrop.repeated)
            return
        }
        let playout = self.stream.position(nowUs: nowUs)
        while let frame = self.framing.next() {
            let record = AudioFrame(
                codec: .pcmu,
                payload: frame.payload,
                streamEpoch: self.stream.streamEpoch,
                sequence: frame.sequence,
                outboundPartition: self.outboundPartition,
                receivedAtUs: nowUs,
                timestampMs: frame.timestampMs,
                playout: playout
            )
            var value = ByteBuffer()
            record.write(to: &value)
            if frame.isFilling { self.metrics.filledFrames.increment() }
            switch try self.producer.send(KafkaMessage(topic: self.topic, key: self.key, value: value)) {
            case .accepted: self.metrics.inboundFrames.increment()
            case .queueFull: self.metrics.dropped(.queueFull)
            }
        }
    }
}
