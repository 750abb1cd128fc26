package import JSON
import Speech

/// What a response does when it answers something.
///
/// In JSON: one trigger, `do`, and perhaps `times`, `timesPerSession`, `sessions`.
package struct Rule: Sendable, Equatable {
    /// What a response answers: the newest item to which the assistant has not reacted.
    package enum Trigger: Sendable, Hashable {
        /// `heard`: a recording was recognised, or is the text of an item that the client created. Of several in one
        /// turn the last one that has a rule counts.
        case heard(String)
        /// `toolOutput`: the output of this function came.
        case toolOutput(String)
        /// `unrecognised`: speech or text that is no recording's.
        case unrecognised
        /// `idle`: nobody spoke for the idle time-out.
        case idle
        /// `opening`: a response was asked for, and nothing is to be answered.
        case opening
    }

    package var trigger: Trigger
    package var actions: [Action]
    /// How often it runs, in all sessions of the simulator together; nil means always.
    package var times: Int?
    /// The same within one session.
    package var timesPerSession: Int?
    /// Only in these sessions, counted from 1 in the order in which they were opened.
    package var sessions: [Int]?

    package init(
        _ trigger: Trigger,
        _ actions: [Action],
        times: Int? = nil,
        timesPerSession: Int? = nil,
        sessions: [Int]? = nil
    ) {
        self.trigger = trigger
        self.actions = actions
        self.times = times
        self.timesPerSession = timesPerSession
        self.sessions = sessions
    }
}

extension Rule: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case heard, toolOutput, unrecognised, idle, opening
        case actions = "do"
        case times, timesPerSession, sessions
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let triggers: [Trigger?] = [
            try container.decodeIfPresent(String.self, forKey: .heard).map { .heard($0) },
            try container.decodeIfPresent(String.self, forKey: .toolOutput).map { .toolOutput($0) },
            try container.decodeIfPresent(Bool.self, forKey: .unrecognised).map { _ in .unrecognised },
            try container.decodeIfPresent(Bool.self, forKey: .idle).map { _ in .idle },
            try container.decodeIfPresent(Bool.self, forKey: .opening).map { _ in .opening },
        ]
        let given = triggers.compactMap { $0 }
        guard let trigger = given.first, given.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a rule has exactly one trigger")
            )
        }
        self.trigger = trigger
        self.actions = try container.decode([Action].self, forKey: .actions)
        self.times = try container.decodeIfPresent(Int.self, forKey: .times)
        self.timesPerSession = try container.decodeIfPresent(Int.self, forKey: .timesPerSession)
        self.sessions = try container.decodeIfPresent([Int].self, forKey: .sessions)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self.trigger {
        case .heard(let name): try container.encode(name, forKey: .heard)
        case .toolOutput(let name): try container.encode(name, forKey: .toolOutput)
        case .unrecognised: try container.encode(true, forKey: .unrecognised)
        case .idle: try container.encode(true, forKey: .idle)
        case .opening: try container.encode(true, forKey: .opening)
        }
        try container.encode(self.actions, forKey: .actions)
        try container.encodeIfPresent(self.times, forKey: .times)
        try container.encodeIfPresent(self.timesPerSession, forKey: .timesPerSession)
        try container.encodeIfPresent(self.sessions, forKey: .sessions)
    }
}

/// One step of a response.
///
/// In JSON: `{"say": name}`, perhaps with `fault` and `faultAtMs`; `{"call": name, "arguments": {…}}`, where a text
/// instead of an object is sent as it is; `{"waitMs": n}`; or a `Fault`.
package enum Action: Sendable, Equatable {
    /// A message with speech and its transcript. The fault happens when `faultAtMs` of its audio were sent.
    case say(String, fault: Fault? = nil, faultAtMs: Int = 0)
    /// A function call; it is left out when the function was not offered.
    case call(String, JSONValue)
    case wait(ms: Int)
    case fault(Fault)
}

extension Action: Codable {
    private enum CodingKeys: String, CodingKey {
        case say, fault, faultAtMs, call, arguments, waitMs
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let name = try container.decodeIfPresent(String.self, forKey: .say) {
            guard Speech.utterance(name) != nil else {
                throw DecodingError.dataCorruptedError(
                    forKey: .say,
                    in: container,
                    debugDescription: "no recording is called \(name)"
                )
            }
            self = .say(
                name,
                fault: try container.decodeIfPresent(Fault.self, forKey: .fault),
                faultAtMs: try container.decodeIfPresent(Int.self, forKey: .faultAtMs) ?? 0
            )
        } else if let name = try container.decodeIfPresent(String.self, forKey: .call) {
            self = .call(name, try container.decodeIfPresent(JSONValue.self, forKey: .arguments) ?? [:])
        } else if let milliseconds = try container.decodeIfPresent(Int.self, forKey: .waitMs) {
            self = .wait(ms: milliseconds)
        } else {
            self = .fault(try Fault(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .say(let name, let fault, let faultAtMs):
            try container.encode(name, forKey: .say)
            if let fault {
                try container.encode(fault, forKey: .fault)
                try container.encode(faultAtMs, forKey: .faultAtMs)
            }
        case .call(let name, let arguments):
            try container.encode(name, forKey: .call)
            try container.encode(arguments, forKey: .arguments)
        case .wait(let milliseconds): try container.encode(milliseconds, forKey: .waitMs)
        case .fault(let fault): try fault.encode(to: encoder)
        }
    }
}
