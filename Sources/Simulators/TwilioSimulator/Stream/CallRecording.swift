import Audio
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The call as a stereo WAV (16 bit, 8 kHz): left what the business says, right what was played of the agent.
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

    static let headerBytes = 44
    private let state = Mutex(State())
    private let descriptor: Int32
    private let written = Mutex(0)

    let path: String

    /// - Returns: nil when the file cannot be made.
    init?(path: String) {
        let descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(self.descriptor) }

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
        self.written.withLock { written in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(2 * pending.count)
            for code in pending {
                let sample = UInt16(bitPattern: MuLaw.samples[Int(code)])
                bytes.append(UInt8(truncatingIfNeeded: sample))
                bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
            }
            guard self.write(bytes, at: Self.headerBytes + written) else { return }
            written += bytes.count
            _ = self.write(Self.header(dataBytes: written), at: 0)
        }
    }

    private func write(_ bytes: [UInt8], at start: Int) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = pwrite(
                    self.descriptor,
                    buffer.baseAddress.map { $0 + done },
                    buffer.count - done,
                    off_t(start + done)
                )
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    private static func header(dataBytes: Int) -> [UInt8] {
        func little(_ value: Int, bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        return Array("RIFF".utf8) + little(36 + dataBytes, bytes: 4) + Array("WAVEfmt ".utf8) + little(16, bytes: 4)
            + little(1, bytes: 2) + little(2, bytes: 2) + little(8000, bytes: 4) + little(32000, bytes: 4)
            + little(4, bytes: 2) + little(16, bytes: 2) + Array("data".utf8) + little(dataBytes, bytes: 4)
    }
}
