import Audio
package import CallEvents
import CoreMetrics
package import NIOCore
import StageRuntime
import Synchronization
package import TwilioMedia
package import WebSockets

/// One open Media Stream, as those see it who feed it: the reader of outbound frames, the socket's reader and writer,
/// and the clock.
package final class MediaStream: WebSocketSource {
    /// What a stream asks of its socket; each may be called from any thread and more than once.
    package struct Link: Sendable {
        /// Has the writer look at the queue.
        var wake: @Sendable (MediaStream) -> Void
        /// Drops the connection.
        var end: @Sendable () -> Void
        /// When anything arrived last, a pong too.
        var lastHeard: @Sendable () -> ContinuousClock.Instant

        package init(
            wake: @escaping @Sendable (MediaStream) -> Void = { _ in },
            end: @escaping @Sendable () -> Void = {},
            lastHeard: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
        ) {
            self.wake = wake
            self.end = end
            self.lastHeard = lastHeard
        }
    }

    /// What becomes an event.
    enum Fact {
        case pressed(digit: String)
        /// The last one.
        case ended(MediaStreamSession.End)
    }

    /// How long the socket has been silent.
    enum Silence {
        /// Long enough to ask whether somebody is there.
        case suspicious
        /// Too long.
        case dead
    }

    /// dBFS.
    struct Levels: Equatable {
        var inbound: Float
        var outbound: Float
    }

    private struct State {
        var inbound: InboundRecords
        var outbound: OutboundQueue
        /// What the playout's times are told by.
        var phone = PhoneClock()
        let writer: MediaStreamWriter
        /// The message being written.
        var text = ByteBuffer()
        var playing = PlayoutLevels()
        /// Caller audio since the levels were asked for: its energy, and how many samples.
        var heard: (energy: UInt64, samples: Int) = (0, 0)
        var isHangingUp = false
        var isInterrupted = false
    }

    /// What is handed to the socket at a time, and a `clear` cannot overtake: about 100 ms of audio.
    package static let bytesInFlight = 2 << 10

    let callSid: CallSid
    let streamSid: String
    let streamEpoch: UInt32
    let link: Link
    /// The key of the call's records.
    let key: ByteBuffer
    /// One element, when the session wants to hang up: how long playing may take until then.
    let hangUpRequests: AsyncStream<Duration>
    /// One element, when everything before the hang-up was played.
    let hangUpPlayed: AsyncStream<Void>
    /// What is not written yet, in order. The budget for messages bounds it.
    let facts: AsyncStream<Fact>
    /// The newest that nobody took yet.
    let silences: AsyncStream<Silence>

    private let hangUpRequest: AsyncStream<Duration>.Continuation
    private let played: AsyncStream<Void>.Continuation
    private let fact: AsyncStream<Fact>.Continuation
    private let silence: AsyncStream<Silence>.Continuation
    private let metrics: IngressMetrics
    private let produce: @Sendable (ByteBuffer) -> IngressMetrics.InboundDrop?
    /// When caller audio came last, so that the clock need not ask for the lock of a stream that speaks.
    private let heardAtUs: Atomic<Int64>
    private let state: Mutex<State>

    /// - Parameters:
    ///   - nowUs: Unix microseconds, here and below.
    ///   - produce: queues a record of caller audio, whose bytes it must not keep, and waits for nothing; called in the
    ///     order of the records. It answers with the reason when the record is lost.
    package init(
        callSid: CallSid,
        streamSid: String,
        streamEpoch: UInt32,
        outboundPartition: Int32 = 0,
        nowUs: Int64,
        link: Link = Link(),
        metrics: IngressMetrics,
        produce: @escaping @Sendable (ByteBuffer) -> IngressMetrics.InboundDrop? = { _ in nil }
    ) {
        self.callSid = callSid
        self.streamSid = streamSid
        self.streamEpoch = streamEpoch
        self.link = link
        self.key = ByteBuffer(string: callSid.rawValue)
        self.metrics = metrics
        self.produce = produce
        (self.hangUpRequests, self.hangUpRequest) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.hangUpPlayed, self.played) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.facts, self.fact) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
        (self.silences, self.silence) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.heardAtUs = Atomic(nowUs)
        self.state = Mutex(
            State(
                inbound: InboundRecords(streamEpoch: streamEpoch, outboundPartition: outboundPartition, nowUs: nowUs),
                outbound: OutboundQueue(streamEpoch: streamEpoch),
                writer: MediaStreamWriter(streamSid: streamSid)
            )
        )
    }

    /// The socket is gone, and nothing waits for it any longer.
    func end(_ end: MediaStreamSession.End) {
        self.state.withLock { $0.isInterrupted = end != .stop }
        self.fact.yield(.ended(end))
        self.played.finish()
        self.hangUpRequest.finish()
        self.fact.finish()
        self.silence.finish()
    }

    /// The call goes on, with another stream that is sent what did not play, a hang-up too.
    var isInterrupted: Bool {
        self.state.withLock { $0.isInterrupted }
    }
}

// MARK: From Twilio

extension MediaStream {
    /// Caller audio arrived.
    package func received(_ media: MediaStreamEvent.Media, nowUs: Int64) {
        self.heardAtUs.store(nowUs, ordering: .relaxed)
        let isRepeated = self.state.withLock { state -> Bool in
            state.phone.heard(timestampMs: media.timestampMs, nowUs: nowUs)
            switch state.inbound.received(media, nowUs: nowUs) {
            case .repeated: return true
            case .otherTrack: return false
            case .accepted: break
            }
            state.heard.energy &+= AudioLevel.energy(mulaw: media.payload)
            state.heard.samples += media.payload.readableBytes
            self.produce(&state, nowUs: nowUs)
            return false
        }
        if isRepeated { self.metrics.dropped(IngressMetrics.InboundDrop.repeated) }
    }

    /// Time passed: makes silence when no audio came for long.
    func waited(nowUs: Int64) {
        guard nowUs - self.heardAtUs.load(ordering: .relaxed) >= InboundFraming.patienceUs else { return }
        self.state.withLock { state in
            state.inbound.waited(nowUs: nowUs)
            self.produce(&state, nowUs: nowUs)
        }
    }

    /// Under the lock, so that the records of two tasks stay in order.
    private func produce(_ state: inout State, nowUs: Int64) {
        let playout = state.outbound.playout.position(nowUs: state.phone.time(nowUs: nowUs))
        while let record = state.inbound.next(playout: playout, nowUs: nowUs) {
            if record.isFilling { self.metrics.filledFrames.increment() }
            if let reason = self.produce(record.value) {
                self.metrics.dropped(reason)
            } else {
                self.metrics.inboundFrames.increment()
            }
        }
    }

    /// Twilio returned a mark.
    package func acknowledged(mark: String, nowUs: Int64) {
        let result = self.state.withLock { state in
            state.outbound.acknowledged(mark: mark, nowUs: state.phone.time(nowUs: nowUs))
        }
        if result == .hangUp { self.played.yield() }
    }

    /// The far end pressed a key.
    func pressed(_ digit: String) {
        self.fact.yield(.pressed(digit: digit))
    }

    /// Nothing at all arrived for some time.
    func isSilent(_ silence: Silence) {
        self.silence.yield(silence)
    }

    /// How loud the caller was since the last time, and the agent, on the phone, is now.
    func levels(nowUs: Int64) -> Levels {
        self.state.withLock { state in
            let heard = state.heard
            state.heard = (0, 0)
            let playout = state.outbound.playout
            let playedMs = playout.playedMs(nowUs: state.phone.time(nowUs: nowUs))
            return Levels(
                inbound: AudioLevel.dbfs(energy: heard.energy, samples: heard.samples),
                outbound: state.playing.level(playedMs: playedMs, sentMs: playout.sentMs)
            )
        }
    }
}

// MARK: To Twilio

extension MediaStream {
    /// What became of an outbound frame.
    package enum Offered: Equatable {
        case queued
        case dropped(PlayoutState.Drop)
        /// The queue is full: the stream must be ended.
        case overflow
    }

    /// Takes a record of outbound audio. Call `wake` behind the last one of a batch.
    package func offer(record: ByteBuffer, nowUs: Int64) throws(AudioFrameError) -> Offered {
        var hangUpWithin: Duration?
        let offered = try self.state.withLock { state throws(AudioFrameError) -> Offered in
            let phoneUs = state.phone.time(nowUs: nowUs)
            let step = try state.outbound.received(record: record, nowUs: phoneUs)
            if state.outbound.isOverflowing { return .overflow }
            state.playing.follow(step, sentMs: state.outbound.playout.sentMs)
            if state.outbound.playout.isHangingUp, !state.isHangingUp {
                state.isHangingUp = true
                let unplayedMs = state.outbound.playout.unplayedMs(nowUs: phoneUs)
                hangUpWithin = .milliseconds(unplayedMs) + .seconds(5)
            }
            return step.dropped.map { .dropped($0) } ?? .queued
        }
        if let hangUpWithin { self.hangUpRequest.yield(hangUpWithin) }
        return offered
    }

    /// Time passed: lets the person hear a tone when the session is gone. To be called a few times a second.
    package func comfort(nowUs: Int64) {
        let isDue = self.state.withLock { state in
            state.outbound.waited(tone: ComfortTone.frames, nowUs: state.phone.time(nowUs: nowUs))
        }
        guard isDue else { return }
        self.metrics.comfortTones.increment()
        self.wake()
    }

    /// Has the writer look at the queue.
    package func wake() {
        self.link.wake(self)
    }

    package func fill(_ batch: inout WebSocket.Batch) {
        let nowUs = UnixTime.nowUs
        self.state.withLock { state in
            while batch.hasRoom, let message = state.outbound.next() {
                state.text.clear()
                state.writer.write(message.command, to: &state.text)
                batch.append(text: state.text)
                self.metrics.sent(message, nowUs: nowUs)
            }
        }
    }
}
