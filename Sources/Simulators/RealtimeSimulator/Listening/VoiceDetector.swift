import Foundation

/// Finds speech by its level, on the audio that arrives and on no clock.
struct VoiceDetector: Sendable {
    enum Event: Sendable, Equatable {
        /// Speech began at this sample.
        case started(at: Int)
        /// For a while there was silence, but not yet for long enough.
        case paused(at: Int)
        /// There was silence for the configured time, which ended at this sample.
        case stopped(at: Int)
    }

    static let frame = 160
    /// Frames that must be loud one after the other.
    private static let onset = 3
    /// Silence in samples after which a semantic detector looks whether a sentence is complete.
    private static let pause = 8 * 400

    /// Mean square of the samples above which a frame is loud.
    var limit: Float = 0
    /// Silence in samples that ends speech.
    var silence = 0

    private(set) var isSpeaking = false
    private var loudFrames = 0
    private var quietSamples = 0

    /// - Parameter detection: a `threshold` of 0.5 lies at −46 dBFS; each 0.1 more is 4 dB more.
    init(_ detection: TurnDetection) {
        switch detection.kind {
        case .server(let threshold, _, let silenceMs, _):
            self.setLimit(threshold: threshold)
            self.silence = 8 * silenceMs
        case .semantic(let eagerness):
            self.setLimit(threshold: 0.5)
            self.silence = 8000 * (eagerness == "low" ? 8 : eagerness == "high" ? 2 : 4)
        }
    }

    private mutating func setLimit(threshold: Double) {
        let decibels = -46 + 40 * (threshold - 0.5)
        self.limit = Float(pow(10, decibels / 10)) * 32768 * 32768
    }

    /// - Parameters:
    ///   - energy: mean square of the samples of one frame.
    ///   - end: the first sample after it.
    mutating func heard(energy: Float, end: Int) -> Event? {
        if energy >= self.limit {
            self.quietSamples = 0
            self.loudFrames += 1
            guard !self.isSpeaking, self.loudFrames >= Self.onset else { return nil }
            self.isSpeaking = true
            return .started(at: end - self.loudFrames * Self.frame)
        }
        self.loudFrames = 0
        guard self.isSpeaking else { return nil }
        let before = self.quietSamples
        self.quietSamples += Self.frame
        if self.quietSamples >= self.silence {
            self.reset()
            return .stopped(at: end)
        }
        return before < Self.pause && self.quietSamples >= Self.pause ? .paused(at: end) : nil
    }

    mutating func reset() {
        self.isSpeaking = false
        self.loudFrames = 0
        self.quietSamples = 0
    }
}
