/// How the simulated Twilio misbehaves in one call. Times within the call count from the answer, in milliseconds.
package struct Faults: Sendable, Equatable, Codable {
    /// Nothing is sent for `lengthMs`, while timestamps go on: lost packets, a muted line.
    package struct Gap: Sendable, Equatable, Codable {
        package var atMs: Int
        package var lengthMs: Int

        package init(atMs: Int, lengthMs: Int) {
            self.atMs = atMs
            self.lengthMs = lengthMs
        }
    }

    /// What the REST API does instead of answering well.
    package enum APIFault: Sendable, Equatable {
        /// Refuses with this status, doing nothing.
        case status(Int)
        /// Does nothing and answers 504 after so long.
        case timeout(holdMs: Int)
        /// Does what was asked, and answers 504 after so long.
        case lostAnswer(holdMs: Int)
    }

    /// The Media Streams connection breaks, without `stop` and without a WebSocket close.
    package var dropSocketAtMs: [Int] = []
    /// The Media Streams connection stays open, but nothing comes from it any more and nothing is read, pings and
    /// closes included, until the server takes the connection down.
    package var muteSocketAtMs: [Int] = []
    /// A text that is not JSON and an unknown event arrive on the socket.
    package var garbageAtMs: [Int] = []
    package var gaps: [Gap] = []
    /// Each request for TwiML waits so long before it is sent.
    package var twimlDelayMs = 0
    /// Each status callback waits so long before it is sent.
    package var statusDelayMs = 0
    /// Each status callback is sent twice.
    package var repeatStatus = false
    /// Status callbacks are sent in pairs, the later first.
    package var reorderStatus = false
    /// For the first requests to create a call to this number, one each.
    package var create: [APIFault] = []
    /// For the first updates of a call, one each.
    package var update: [APIFault] = []
    /// For the first times a call is looked up, one each; and of the list of calls to this number.
    package var lookUp: [APIFault] = []

    package init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case dropSocketAtMs, muteSocketAtMs, garbageAtMs, gaps, twimlDelayMs, statusDelayMs, repeatStatus, reorderStatus
        case create, update, lookUp
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        self.dropSocketAtMs = try container.value(.dropSocketAtMs, default: [])
        self.muteSocketAtMs = try container.value(.muteSocketAtMs, default: [])
        self.garbageAtMs = try container.value(.garbageAtMs, default: [])
        self.gaps = try container.value(.gaps, default: [])
        self.twimlDelayMs = try container.value(.twimlDelayMs, default: 0)
        self.statusDelayMs = try container.value(.statusDelayMs, default: 0)
        self.repeatStatus = try container.value(.repeatStatus, default: false)
        self.reorderStatus = try container.value(.reorderStatus, default: false)
        self.create = try container.value(.create, default: [])
        self.update = try container.value(.update, default: [])
        self.lookUp = try container.value(.lookUp, default: [])
    }
}

/// In JSON `{"status": 503}`, `{"timeoutMs": 20000}` or `{"lostAnswerMs": 20000}`.
extension Faults.APIFault: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case status, timeoutMs, lostAnswerMs
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        if let status = try container.decodeIfPresent(Int.self, forKey: .status), (400...599).contains(status) {
            self = .status(status)
        } else if let hold = try container.decodeIfPresent(Int.self, forKey: .timeoutMs) {
            self = .timeout(holdMs: hold)
        } else if let hold = try container.decodeIfPresent(Int.self, forKey: .lostAnswerMs) {
            self = .lostAnswer(holdMs: hold)
        } else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "one of status (400-599), timeoutMs, lostAnswerMs"
                )
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .status(let status): try container.encode(status, forKey: .status)
        case .timeout(let hold): try container.encode(hold, forKey: .timeoutMs)
        case .lostAnswer(let hold): try container.encode(hold, forKey: .lostAnswerMs)
        }
    }
}

/// The faults of one call's streams that are still to come.
package struct StreamFaults: Sendable {
    package enum Fault: Sendable, Equatable {
        case drop, mute, garbage
    }

    private var pending: [(atMs: Int, fault: Fault)]
    private let gaps: [Faults.Gap]

    package init(_ faults: Faults) {
        self.pending =
            (faults.dropSocketAtMs.map { ($0, Fault.drop) } + faults.muteSocketAtMs.map { ($0, Fault.mute) }
            + faults.garbageAtMs.map { ($0, Fault.garbage) })
            .sorted { $0.0 < $1.0 }
        self.gaps = faults.gaps
    }

    /// The fault that is due, once; nil when there is none.
    package mutating func take(atMs now: Int) -> Fault? {
        guard let first = self.pending.first, first.atMs <= now else { return nil }
        return self.pending.removeFirst().fault
    }

    package func isGap(atMs now: Int) -> Bool {
        self.gaps.contains { $0.atMs <= now && now < $0.atMs + $0.lengthMs }
    }
}
