import StageRuntime

/// When silence of the phone is kept from the model.
///
/// ## Environment
/// - `VOICE_SILENCE_GATE` (`off` or `on`, default `off`).
/// - `VOICE_SILENCE_GATE_HANGOVER_MS` (default 2000, 1000–30000): rounded up to whole frames.
/// - `VOICE_SILENCE_GATE_PREROLL_MS` (default 200, 0–240): rounded up to whole frames. What waits for it is most of a
///   call's state, which stays below 4 KiB up to 240 ms.
/// - `VOICE_SILENCE_GATE_THRESHOLD_DBFS` (default -50, -70…-20).
package struct SilenceGateSettings: Equatable, Sendable {
    private enum Mode: String, CaseIterable {
        case off
        case on
    }

    private static let frameMs = 20

    /// How many frames after a loud one are forwarded; 50 or more when read from the environment.
    package var hangOver: UInt64
    /// How many frames before a loud one are forwarded.
    package var preRoll: UInt64
    /// A frame of this level or more is loud.
    package var threshold: Float

    package init(hangOver: UInt64 = 100, preRoll: UInt64 = 10, threshold: Float = -50) {
        self.hangOver = hangOver
        self.preRoll = preRoll
        self.threshold = threshold
    }

    /// - Returns: nil when there is no gate.
    static func read(_ settings: inout Settings) -> Self? {
        let mode = settings.choice(
            "VOICE_SILENCE_GATE",
            default: Mode.off,
            """
            Whether silence of the phone is kept from the model, to save what its audio costs. It has no effect on \
            passthrough calls, whose audio does not come here.
            """
        )
        let hangOver = settings.int(
            "VOICE_SILENCE_GATE_HANGOVER_MS",
            default: 2000,
            in: 1000...30_000,
            """
            Silence that is still forwarded after the last loud frame, milliseconds. It must exceed the model's own \
            end-of-speech silence (silence_duration_ms), or the model never hears that a turn is over.
            """
        )
        let preRoll = settings.int(
            "VOICE_SILENCE_GATE_PREROLL_MS",
            default: 200,
            in: 0...240,
            "What is forwarded from before the first loud frame, milliseconds."
        )
        let threshold = settings.int(
            "VOICE_SILENCE_GATE_THRESHOLD_DBFS",
            default: -50,
            in: -70 ... -20,
            "The level from which 20 ms are loud, dBFS (a full-scale square wave is 0)."
        )
        guard mode == .on else { return nil }
        return Self(hangOver: self.frames(hangOver), preRoll: self.frames(preRoll), threshold: Float(threshold))
    }

    private static func frames(_ milliseconds: Int) -> UInt64 {
        UInt64((milliseconds + self.frameMs - 1) / self.frameMs)
    }
}
