import CallEvents
import Metrics
import OpenAIRealtime

/// What the stage reports, made once: the labels are closed sets.
final class SessionMetrics: Sendable {
    /// Outbound audio that was lost on its way into Kafka.
    enum Loss: String, CaseIterable, Sendable {
        case queueFull = "queue_full"
        case refused
        case unknownCall = "unknown_call"
        case unreadable = "unreadable_record"
    }

    private let active = Meter(label: "voice_sessions_active")
    private let reconnects = Counter(label: "voice_realtime_reconnects_total")
    private let renewals = Counter(label: "voice_realtime_renewals_total")
    private let refusals = Counter(label: "voice_sessions_refused_total")
    private let remaining = ["requests", "tokens"].map { name in
        (name, Meter(label: "voice_realtime_limit_remaining_ratio", dimensions: [("limit", name)]))
    }
    private let cost = FloatingPointCounter(label: "voice_cost_dollars_total")
    private let heard = Timer(label: "voice_turn_heard_latency_seconds")
    private let latency = Timer(
        label: "voice_session_added_latency_seconds",
        dimensions: [("direction", "inbound")]
    )
    private let turns = Timer(label: "voice_turn_latency_seconds")
    private let drops: [FrameDrop: Counter]
    private let losses: [Loss: Counter]
    private let tokens: [Counter]

    init() {
        func dropped(_ reason: String) -> Counter {
            Counter(label: "voice_session_frames_dropped_total", dimensions: [("reason", reason)])
        }
        self.drops = Dictionary(uniqueKeysWithValues: FrameDrop.allCases.map { ($0, dropped($0.label)) })
        self.losses = Dictionary(uniqueKeysWithValues: Loss.allCases.map { ($0, dropped($0.rawValue)) })
        self.tokens = ["input_text", "input_audio", "cached_text", "cached_audio", "output_text", "output_audio"].map {
            Counter(label: "voice_tokens_total", dimensions: [("kind", $0)])
        }
    }

    func sessionStarted() { self.active.increment(by: 1) }
    func sessionEnded() { self.active.decrement(by: 1) }
    func reconnected() { self.reconnects.increment() }
    /// A session took the place of another before that expired.
    func renewed() { self.renewals.increment() }
    /// A new call was not begun, because the account has little left.
    func refused() { self.refusals.increment() }
    func limits(_ limits: [ServerEvent.RateLimit]) {
        for (name, meter) in self.remaining {
            guard let limit = limits.first(where: { $0.name == name }), limit.limit > 0 else { continue }
            meter.set(Double(limit.remaining) / Double(limit.limit))
        }
    }
    func measured(_ turn: TurnMeasured) { self.heard.recordMilliseconds(Int64(turn.firstPlayedMs)) }
    func spent(nanodollars: Int64) {
        if nanodollars > 0 { self.cost.increment(by: Double(nanodollars) / 1_000_000_000) }
    }
    func dropped(_ reason: FrameDrop) { self.drops[reason]?.increment() }
    func lost(_ reason: Loss, _ count: Int = 1) { self.losses[reason]?.increment(by: count) }

    /// From the audio reaching us to its append being sent.
    func added(microseconds: Int64) { self.latency.recordMicroseconds(max(0, microseconds)) }

    func responseDone(_ done: ResponseDone) {
        if done.firstAudioMs > 0 { self.turns.recordMilliseconds(Int64(done.firstAudioMs)) }
        let usage = done.usage
        let counts = [
            usage.inputTextTokens, usage.inputAudioTokens, usage.cachedTextTokens, usage.cachedAudioTokens,
            usage.outputTextTokens, usage.outputAudioTokens,
        ]
        for (counter, count) in zip(self.tokens, counts) where count > 0 {
            counter.increment(by: Int64(clamping: count))
        }
    }
}

extension FrameDrop {
    fileprivate var label: String {
        switch self {
        case .oldStream: "old_stream"
        default: self.rawValue
        }
    }
}
