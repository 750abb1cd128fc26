import Audio
import Recordings
import Synchronization

/// The call as a stereo WAV: left what the business says, right what was played of the agent.
///
/// Its time axis begins at the answer; time without a stream is silence. Any thread adds frames; `write()` brings what
/// is there to the file, whose header is right after each write, so that a recording survives its simulator.
final class CallRecording: Sendable {
    private struct State {
        /// Business and agent alternating, mu-law.
        var pending: [UInt8] = []
        /// Samples on the time axis, pending ones included.
        var samples = 0
    }

    private let state = Mutex(State())
    private let file: Mutex<StereoWAVFile>

    let path: String

    /// - Returns: nil when the file cannot be made.
    init?(path: String) {
        guard let file = try? StereoWAVFile(path: path, permissions: 0o644) else { return nil }
        self.path = path
        self.file = Mutex(file)
    }

    /// Fills the time up to `milliseconds` after the answer with silence.
    func advance(toMs milliseconds: Int) {
        self.state.withLock { state in
            let missing = milliseconds * 8 - state.samples
            guard missing > 0 else { return }
            state.pending.append(contentsOf: repeatElement(MuLaw.silence, count: 2 * missing))
            state.samples += missing
        }
    }

    /// Adds 160 samples of each; shorter ones, and nil, are silent to the end.
    func add(business: some Collection<UInt8>, agent: some Collection<UInt8>) {
        self.state.withLock { state in
            var left = business.makeIterator()
            var right = agent.makeIterator()
            for _ in 0..<160 {
                state.pending.append(left.next() ?? MuLaw.silence)
                state.pending.append(right.next() ?? MuLaw.silence)
            }
            state.samples += 160
        }
    }

    /// Writes what was added since. Called by one task at a time.
    func write() {
        let pending = self.state.withLock { state in
            let pending = state.pending
            state.pending = []
            return pending
        }
        // What does not fit on the disk is missing from the recording, and nothing else.
        self.file.withLock { try? $0.append(mulaw: pending) }
    }
}
