import CallEvents
import NIOCore
import Synchronization
import TwilioMedia

/// One open Media Stream, as those see it who feed it: the reader of outbound frames, the socket's reader and writer.
///
/// Outbound messages wait in a queue of `capacity`. Dropping audio from it would move every later playout position, so
/// a stream whose socket takes nothing until the queue is full is ended instead: Twilio then asks for TwiML again, and
/// the session sends what was not played on the next stream.
final class MediaStream: Sendable {
    /// A message to Twilio, and when the audio in it reached us (Unix microseconds; 0 for a control).
    struct Outgoing: Equatable {
        var command: MediaStreamCommand
        var receivedAtUs: Int64
    }

    /// What became of an outbound frame.
    enum Offered: Equatable {
        case queued
        case dropped(PlayoutState.Drop)
        /// The queue is full: the stream must be ended.
        case overflow
    }

    /// Two minutes of audio with its marks.
    static let capacity = 7_200

    private struct State {
        var playout: PlayoutState
        var queue: [Outgoing] = []
        var isHangingUp = false
        var isInterrupted = false
    }

    let callSid: CallSid
    let streamSid: String
    let streamEpoch: UInt32
    /// One element, at most, while there is something in the queue.
    let wakeups: AsyncStream<Void>
    /// One element, when the session wants to hang up: how long playing may take until then.
    let hangUpRequests: AsyncStream<Duration>
    /// One element, when everything before the hang-up was played.
    let hangUpPlayed: AsyncStream<Void>

    private let wakeup: AsyncStream<Void>.Continuation
    private let hangUpRequest: AsyncStream<Duration>.Continuation
    private let played: AsyncStream<Void>.Continuation
    private let state: Mutex<State>

    init(callSid: CallSid, streamSid: String, streamEpoch: UInt32) {
        self.callSid = callSid
        self.streamSid = streamSid
        self.streamEpoch = streamEpoch
        (self.wakeups, self.wakeup) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.hangUpRequests, self.hangUpRequest) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.hangUpPlayed, self.played) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.state = Mutex(State(playout: PlayoutState(streamEpoch: streamEpoch)))
    }

    /// Takes an outbound frame. Call `wake` behind the last one of a batch.
    func offer(_ frame: AudioFrame, nowUs: Int64) -> Offered {
        var hangUpWithin: Duration?
        let offered = self.state.withLock { state -> Offered in
            let step = state.playout.received(frame, nowUs: nowUs)
            if step.clear {
                // It overtakes: what waits here must not play, and the marks among it are void.
                state.queue.removeAll(keepingCapacity: true)
                state.queue.append(
                    Outgoing(command: .clear, receivedAtUs: frame.control == .clear ? frame.receivedAtUs : 0)
                )
            }
            if let audio = step.audio {
                guard state.queue.count < Self.capacity else { return .overflow }
                state.queue.append(Outgoing(command: .media(payload: audio), receivedAtUs: frame.receivedAtUs))
            }
            if let mark = step.mark { state.queue.append(Outgoing(command: .mark(name: mark), receivedAtUs: 0)) }
            if state.playout.isHangingUp, !state.isHangingUp {
                state.isHangingUp = true
                hangUpWithin = .milliseconds(state.playout.unplayedMs(nowUs: nowUs)) + .seconds(5)
            }
            return step.dropped.map { .dropped($0) } ?? .queued
        }
        if let hangUpWithin { self.hangUpRequest.yield(hangUpWithin) }
        return offered
    }

    /// Has the writer look at the queue.
    func wake() {
        self.wakeup.yield()
    }

    /// Up to `limit` messages from the queue, in order.
    func take(_ limit: Int) -> [Outgoing] {
        self.state.withLock { state in
            let head = Array(state.queue.prefix(limit))
            state.queue.removeFirst(head.count)
            return head
        }
    }

    /// Twilio returned a mark.
    func acknowledged(mark: String, nowUs: Int64) {
        let result = self.state.withLock { $0.playout.acknowledged(mark: mark, nowUs: nowUs) }
        if result == .hangUp { self.played.yield() }
    }

    func position(nowUs: Int64) -> AudioFrame.Playout? {
        self.state.withLock { $0.playout.position(nowUs: nowUs) }
    }

    /// The socket is gone, and nothing waits for it any longer.
    /// - Parameter isInterrupted: the call goes on, with another stream that is sent what did not play, a hang-up too.
    func end(isInterrupted: Bool) {
        self.state.withLock { $0.isInterrupted = isInterrupted }
        self.wakeup.finish()
        self.played.finish()
        self.hangUpRequest.finish()
    }

    var isInterrupted: Bool {
        self.state.withLock { $0.isInterrupted }
    }
}
