import CallEvents
import Metrics
import NIOCore
import Synchronization
import TwilioMedia

/// The streams that this instance holds, by call; and which tokens were used here.
final class StreamRegistry: Sendable {
    private struct Entry {
        var stream: MediaStream
        var end: @Sendable () -> Void
    }

    private struct State {
        /// By the key of a Kafka record, so that looking one up needs no text.
        var entries: [ByteBuffer: Entry] = [:]
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
    /// - Parameter end: ends the stream's socket; may be called more than once.
    /// - Returns: false, and nothing is changed, when a later stream of the call is here already.
    func add(_ stream: MediaStream, end: @escaping @Sendable () -> Void) -> Bool {
        let (isAdded, previous) = self.state.withLock { state -> (Bool, Entry?) in
            let key = ByteBuffer(string: stream.callSid.rawValue)
            if let current = state.entries[key], current.stream.streamEpoch >= stream.streamEpoch {
                return (false, nil)
            }
            let previous = state.entries.updateValue(Entry(stream: stream, end: end), forKey: key)
            self.active.record(state.entries.count)
            return (true, previous)
        }
        previous?.end()
        return isAdded
    }

    func remove(_ stream: MediaStream) {
        self.state.withLock { state in
            let key = ByteBuffer(string: stream.callSid.rawValue)
            if state.entries[key]?.stream === stream { state.entries[key] = nil }
            self.active.record(state.entries.count)
        }
    }

    /// The stream of a call, by the key of its records.
    subscript(key: ByteBuffer) -> MediaStream? {
        self.state.withLock { $0.entries[key]?.stream }
    }

    /// Ends the stream of a call that is over.
    func end(_ callSid: CallSid) {
        self.state.withLock { $0.entries[ByteBuffer(string: callSid.rawValue)] }?.end()
    }

    /// Ends a stream that takes no more audio.
    func end(_ stream: MediaStream) {
        let entry = self.state.withLock { $0.entries[ByteBuffer(string: stream.callSid.rawValue)] }
        if let entry, entry.stream === stream { entry.end() }
    }
}
