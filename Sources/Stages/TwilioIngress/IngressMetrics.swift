import Metrics
import TwilioMedia

/// What this stage counts; made once at start.
package struct IngressMetrics: Sendable {
    enum TwilioOperation: String, CaseIterable {
        case create
        case hangUp = "hang_up"
        case update
        case lookUp = "look_up"
    }

    enum TwilioResult: String, CaseIterable {
        case accepted
        case refused
        case unreachable
        case unclear
        case timedOut = "timed_out"

        init(_ failure: TwilioCalls.Failure) {
            self =
                switch failure {
                case .refused: .refused
                case .unreachable: .unreachable
                case .unclear: .unclear
                case .timedOut: .timedOut
                }
        }
    }

    package enum InboundDrop: String, CaseIterable, Sendable {
        /// Late, or seen before.
        case repeated
        /// The producer's queue was full.
        case queueFull = "queue_full"
        /// The producer cannot go on.
        case refused
        /// Not a Media Streams message.
        case unreadable
    }

    let streamsActive = Gauge(label: "voice_streams_active")
    let inboundFrames = Counter(label: "voice_frames_total", dimensions: [("direction", "inbound")])
    let outboundFrames = Counter(label: "voice_frames_total", dimensions: [("direction", "outbound")])
    /// Silence made where the phone's audio had a gap.
    let filledFrames = Counter(label: "voice_frames_filled_total")
    /// From the model's audio delta to the socket.
    let outboundLatency = Timer(label: "voice_added_latency_seconds", dimensions: [("direction", "outbound")])
    /// From the speech that interrupts to `clear` on the socket.
    let clearLatency = Timer(label: "voice_clear_latency_seconds")
    /// Whose queue was full: the stream was ended.
    let streamsStalled = Counter(label: "voice_streams_stalled_total")
    /// Whose peer sent more than any honest one: the stream was closed.
    let streamsFlooded = Counter(label: "voice_streams_flooded_total")
    /// Where nothing at all arrived for long: the call was looked up and the stream closed.
    let streamsSilent = Counter(label: "voice_streams_silent_total")

    /// Heard in place of a session that is gone.
    let comfortTones = Counter(label: "voice_comfort_tones_total")

    private let inboundDrops: [InboundDrop: Counter]
    private let outboundDrops: [PlayoutState.Drop: Counter]
    private let twilioRequests: [String: Counter]

    package init() {
        self.inboundDrops = Dictionary(
            uniqueKeysWithValues: InboundDrop.allCases.map { ($0, Self.drops("inbound", $0.rawValue)) }
        )
        self.outboundDrops = Dictionary(
            uniqueKeysWithValues: PlayoutState.Drop.allCases.map { ($0, Self.drops("outbound", $0.rawValue)) }
        )
        var requests: [String: Counter] = [:]
        for operation in TwilioOperation.allCases {
            for result in TwilioResult.allCases {
                requests["\(operation) \(result)"] = Counter(
                    label: "voice_twilio_requests_total",
                    dimensions: [("operation", operation.rawValue), ("result", result.rawValue)]
                )
            }
        }
        self.twilioRequests = requests
    }

    /// A message is on its way to the kernel.
    func sent(_ message: OutboundQueue.Message, nowUs: Int64) {
        let nanoseconds = max(0, nowUs - message.receivedAtUs) * 1_000
        switch message.command {
        case .media:
            // A tone comes from nowhere.
            guard message.receivedAtUs > 0 else { return }
            self.outboundFrames.increment()
            self.outboundLatency.recordNanoseconds(nanoseconds)
        case .clear:
            // A clear that came with audio says nothing of when the speech began.
            if message.receivedAtUs > 0 { self.clearLatency.recordNanoseconds(nanoseconds) }
        case .mark:
            break
        }
    }

    func dropped(_ reason: InboundDrop) {
        self.inboundDrops[reason]?.increment()
    }

    func dropped(_ reason: PlayoutState.Drop) {
        self.outboundDrops[reason]?.increment()
    }

    func twilioRequest(_ operation: TwilioOperation, _ result: TwilioResult) {
        self.twilioRequests["\(operation) \(result)"]?.increment()
    }

    private static func drops(_ direction: String, _ reason: String) -> Counter {
        Counter(label: "voice_frames_dropped_total", dimensions: [("direction", direction), ("reason", reason)])
    }
}
