import CallEvents
import Metrics
import NIOCore
import Synchronization
import TwilioMedia

/// The streams that this instance holds, by call; and which tokens were used here.
final class StreamRegistry: Sendable {
    private struct State {
        /// By the key of a Kafka record, so that looking one up needs no text.
        var streams: [ByteBuffer: MediaStream] = [:]
        /// The highest stream epoch that came with a token, until tokens of its time have expired.
        var used: [CallSid: (epoch: UInt32, until: Int64)] = [:]
        var nextSweep: Int64 = 0
    }

    private let state = Mutex(State())
    private let active: Gauge

    /// - Parameter active: shows how many streams there are.
    init(active: Gauge) {
        self.active = active
    }

    /// Takes a token once: one for the same or an earlier stream of the call is refused.
    func use(_ token: StreamToken, now: Int64) -> Bool {
        self.state.withLock { state in
            if now >= state.nextSweep {
                state.used = state.used.filter { $0.value.until > now }
                state.nextSweep = now + 60
            }
            if let used = state.used[token.callSid], token.streamEpoch <= used.epoch { return false }
            state.used[token.callSid] = (token.streamEpoch, token.expiresAt)
            return true
        }
    }

    /// Makes `stream` the one of its call and ends the one before it.
    /// - Returns: false, and nothing is changed, when a later stream of the call is here already.
    func add(_ stream: MediaStream) -> Bool {
        let (isAdded, previous) = self.state.withLock { state -> (Bool, MediaStream?) in
            if let current = state.streams[stream.key], current.streamEpoch >= stream.streamEpoch {
                return (false, nil)
            }
            let previous = state.streams.updateValue(stream, forKey: stream.key)
            self.active.record(state.streams.count)
            return (true, previous)
        }
        previous?.link.end()
        return isAdded
    }

    func remove(_ stream: MediaStream) {
        self.state.withLock { state in
            if state.streams[stream.key] === stream { state.streams[stream.key] = nil }
            self.active.record(state.streams.count)
        }
    }

    /// The streams as they are now, by the key of their calls' records.
    var streams: [ByteBuffer: MediaStream] {
        self.state.withLock { $0.streams }
    }

    /// Ends the stream of a call that is over.
    func end(_ callSid: CallSid) {
        self.state.withLock { $0.streams[ByteBuffer(string: callSid.rawValue)] }?.link.end()
    }
}
