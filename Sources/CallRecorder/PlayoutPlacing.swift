package import NIOCore

/// Places what was played of the agent on the time axis.
///
/// The caller's frames say how much had been played at their time, to 20 ms or so, and for the first 100 ms of a
/// sentence only from when it was sent, which is early by the way to the phone and back. Twilio plays without gaps while
/// it has audio. So what belongs together goes in one piece, at the delay (time minus what was played) that most of the
/// reports behind it agree on; there is a gap where the delay has grown for good.
///
/// A report is decided on when it is `lookAheadMs` old.
package struct PlayoutPlacing: Sendable {
    package struct Piece: Sendable, Equatable {
        /// On the axis.
        package var startMs: Int
        /// Mu-law, 8 kHz.
        package var audio: ByteBuffer
    }

    private struct Report {
        var atMs: Int
        /// Played by then, since the stream began.
        var playedMs: Int
        var audio: ByteBuffer

        var delayMs: Int { self.atMs - self.playedMs }
    }

    package static let lookAheadMs = 1_000
    /// The audio whose reports decide.
    private static let windowMs = 400
    /// A delay that grows by more is a pause, behind which reports say nothing about what is before it.
    private static let pauseMs = 200
    /// What reports may be wrong by without a gap being made.
    private static let toleranceMs = 40
    private static let bytesPerMs = 8

    private var reports = CircularBuffer<Report>()
    private var playedMs = 0
    /// Of the piece placed last.
    private var endMs = 0

    package init() {}

    /// By `atMs` this was played since the report before.
    package mutating func played(_ audio: ByteBuffer, atMs: Int) {
        guard audio.readableBytes > 0 else { return }
        self.playedMs += audio.readableBytes / Self.bytesPerMs
        self.reports.append(Report(atMs: atMs, playedMs: self.playedMs, audio: audio))
    }

    /// The next piece that can be decided on.
    /// - Parameters:
    ///   - nowMs: all reports up to here are known; nil when no more come.
    ///   - earliestMs: nothing can be placed before.
    package mutating func next(nowMs: Int?, earliestMs: Int) -> Piece? {
        guard let first = self.reports.first else { return nil }
        if let nowMs, first.atMs > nowMs - Self.lookAheadMs { return nil }
        let beganMs = first.playedMs - first.audio.readableBytes / Self.bytesPerMs
        let startMs = beganMs + self.delayMs(of: first)
        self.reports.removeFirst()
        let isGap = startMs > self.endMs + Self.toleranceMs
        let piece = Piece(startMs: max(isGap ? startMs : self.endMs, earliestMs), audio: first.audio)
        self.endMs = piece.startMs + first.audio.readableBytes / Self.bytesPerMs
        return piece
    }

    /// The median of the reports about what was played right behind `first`, without a pause between.
    private func delayMs(of first: Report) -> Int {
        // Reports only err on the late side for long: what is never undercut again is a pause.
        var leastBehind: [Int] = []
        var least = Int.max
        for report in self.reports.reversed() {
            least = min(least, report.delayMs)
            leastBehind.append(least)
        }
        var delays: [Int] = []
        for (report, leastBehind) in zip(self.reports, leastBehind.reversed()) {
            guard report.playedMs <= first.playedMs + Self.windowMs, leastBehind <= least + Self.pauseMs else { break }
            delays.append(report.delayMs)
        }
        delays.sort()
        return delays.isEmpty ? first.delayMs : delays[delays.count / 2]
    }
}
