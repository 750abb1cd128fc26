import Metrics

/// What the stage reports, made once: the labels are closed sets.
struct TranscoderMetrics: Sendable {
    /// Why a frame has no output.
    enum Drop: Hashable, Sendable {
        case record(TranscoderState.Drop)
        case unreadable
        /// The producer's queue is full.
        case queueFull
        /// The producer refuses for another reason.
        case refused
        /// The broker did not acknowledge it in time.
        case undelivered

        static let all =
            TranscoderState.Drop.allCases.map(Drop.record) + [.unreadable, .queueFull, .refused, .undelivered]

        var label: String {
            switch self {
            case .record(let drop): drop.rawValue
            case .unreadable: "unreadable"
            case .queueFull: "queue_full"
            case .refused: "refused"
            case .undelivered: "undelivered"
            }
        }
    }

    private struct Series: Sendable {
        let received: Counter
        let sent: Counter
        let missing: Counter
        let dropped: [Drop: Counter]
        let latency: Timer

        init(_ direction: Direction) {
            let label = [("direction", direction.rawValue)]
            self.received = Counter(label: "voice_transcoder_frames_in_total", dimensions: label)
            self.sent = Counter(label: "voice_transcoder_frames_out_total", dimensions: label)
            self.missing = Counter(label: "voice_transcoder_frames_missing_total", dimensions: label)
            self.latency = Timer(label: "voice_transcoder_latency_seconds", dimensions: label)
            self.dropped = Dictionary(
                uniqueKeysWithValues: Drop.all.map { drop in
                    let labels = label + [("reason", drop.label)]
                    return (drop, Counter(label: "voice_transcoder_frames_dropped_total", dimensions: labels))
                }
            )
        }
    }

    private let inbound = Series(.inbound)
    private let outbound = Series(.outbound)
    private let silentFrames = Counter(label: "voice_transcoder_gated_frames_total")
    private let silentSeconds = FloatingPointCounter(label: "voice_transcoder_gated_seconds_total")
    private let gateChanges = Dictionary(
        uniqueKeysWithValues: SilenceGateChange.allCases.map { change in
            let label = [("to", change.rawValue)]
            return (change, Counter(label: "voice_transcoder_gate_changes_total", dimensions: label))
        }
    )
    private let activeCalls = Meter(label: "voice_transcoder_calls_active")

    func received(_ direction: Direction) { self[direction].received.increment() }

    func sent(_ direction: Direction) { self[direction].sent.increment() }

    /// Frames that never came: a hole in the sequence numbers.
    func missing(_ count: UInt64, _ direction: Direction) {
        self[direction].missing.increment(by: Int64(clamping: count))
    }

    func dropped(_ reason: Drop, _ direction: Direction) { self[direction].dropped[reason]?.increment() }

    /// What the silence gate keeps from the model. Its share of the phone's audio is frames / inbound frames in.
    func gated(_ gated: TranscoderState.Gated) {
        if gated.silentFrames > 0 {
            self.silentFrames.increment(by: gated.silentFrames)
            self.silentSeconds.increment(by: Double(gated.silentFrames) * 0.02)
        }
        if let change = gated.change { self.gateChanges[change]?.increment() }
    }

    /// From a frame's batch being handed over by the consumer to the producer having taken it. What the broker gathers
    /// before (`AudioTranscoderStage`) is not in it.
    func latency(_ duration: Duration, _ direction: Direction) { self[direction].latency.record(duration: duration) }

    /// Directions of calls whose filter history is kept.
    func calls(_ count: Int) { self.activeCalls.set(count) }

    private subscript(direction: Direction) -> Series {
        switch direction {
        case .inbound: self.inbound
        case .outbound: self.outbound
        }
    }
}
