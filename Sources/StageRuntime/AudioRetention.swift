/// How long the topics that hold a call's audio keep it.
///
/// ## Environment
/// - `VOICE_RECORDING`: `off` (the default) or `on`; the same for every stage, because any of them creates the topics.
/// - `VOICE_RECORDING_HOURS` (24): how long with `on`.
package enum AudioRetention: Equatable, Sendable {
    /// As long as a stage that was away may need it.
    case minutes
    /// So that `call-recorder` can make recordings: whoever may read the topics can listen to the calls.
    case hours(Int)

    private enum Recording: String, CaseIterable {
        case off
        case on
    }

    package init(_ settings: inout Settings) {
        let recording = settings.choice(
            "VOICE_RECORDING",
            default: Recording.off,
            "Whether the topics keep calls' audio, for call-recorder; the same for every stage."
        )
        let hours = settings.int(
            "VOICE_RECORDING_HOURS",
            default: 24,
            in: 1...8_760,
            "How long they keep it with VOICE_RECORDING=on; otherwise 5 minutes."
        )
        self = recording == .on ? .hours(hours) : .minutes
    }

    package var milliseconds: Int {
        switch self {
        case .minutes: 5 * 60_000
        case .hours(let hours): hours * 3_600_000
        }
    }
}
