/// What happens in one call: whether and when somebody answers, what they say, and how Twilio misbehaves.
///
/// In JSON every member may be left out and then has the default given here; times are whole milliseconds.
package struct CallScript: Sendable, Equatable, Codable {
    package enum Outcome: String, Sendable, Codable {
        case answered, busy, failed
        case noAnswer = "no-answer"
    }

    package var outcome = Outcome.answered
    /// From dialling to ringing.
    package var ringAfterMs = 50
    /// From ringing to the answer, or to the busy tone or failure. `no-answer` waits for the call's `Timeout` instead.
    package var answerAfterMs = 300
    /// Who answers, for answering-machine detection: one of `MachineDetection.verdicts`. A machine that the call's mode
    /// of detection has another word for is called by that.
    package var answeredBy = "human"
    /// From the answer to that verdict.
    package var detectionMs = 500
    package var turns: [Turn] = []
    /// The agent has finished when it sent audio, all of it was played, and nothing more came for so long.
    package var quietMs = 600
    /// After a lost stream is back, a person waits so long before they repeat what was cut off.
    package var resumeAfterMs = 1000
    /// A person whose line went dead while the agent spoke waits so long for the agent to go on.
    package var patienceMs = 8000
    /// A person who hears nothing for so long after what they said says it again; nil: never.
    package var repeatAfterMs: Int?
    package var faults = Faults()

    package init() {}

    /// The business of the demo: greets, names the price when asked, says goodbye.
    package static let demo: CallScript = {
        var script = CallScript()
        script.turns = [
            Turn(.atOnce, say: "greeting"), Turn(.agentFinished, say: "price"), Turn(.agentFinished, say: "goodbye"),
        ]
        return script
    }()

    /// One thing the business does, and when: exactly one of `say`, `dtmf` and `hangUp`.
    package struct Turn: Sendable, Equatable, Codable {
        package enum Moment: String, Sendable, Codable {
            /// `afterMs` after the turn before (the first: after the stream began).
            case atOnce
            /// `afterMs` after the agent has finished speaking.
            case agentFinished
            /// `afterMs` into what the agent says, without letting it finish.
            case agentSpeaking
        }

        package var when: Moment
        package var afterMs: Int
        /// The name of a recorded utterance.
        package var say: String?
        /// Keys that are pressed.
        package var dtmf: String?
        package var hangUp: Bool

        package init(
            _ when: Moment,
            afterMs: Int = 0,
            say: String? = nil,
            dtmf: String? = nil,
            hangUp: Bool = false
        ) {
            self.when = when
            self.afterMs = afterMs
            self.say = say
            self.dtmf = dtmf
            self.hangUp = hangUp
        }
    }
}

extension CallScript {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case outcome, ringAfterMs, answerAfterMs, answeredBy, detectionMs, turns, quietMs, resumeAfterMs, patienceMs
        case repeatAfterMs, faults
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        let defaults = CallScript()
        self.outcome = try container.value(.outcome, default: defaults.outcome)
        self.ringAfterMs = try container.value(.ringAfterMs, default: defaults.ringAfterMs)
        self.answerAfterMs = try container.value(.answerAfterMs, default: defaults.answerAfterMs)
        self.answeredBy = try container.value(.answeredBy, default: defaults.answeredBy)
        guard MachineDetection.verdicts.contains(self.answeredBy) else {
            throw DecodingError.dataCorruptedError(
                forKey: .answeredBy,
                in: container,
                debugDescription: "must be one of \(MachineDetection.verdicts.sorted())"
            )
        }
        self.detectionMs = try container.value(.detectionMs, default: defaults.detectionMs)
        self.turns = try container.value(.turns, default: Self.demo.turns)
        self.quietMs = try container.value(.quietMs, default: defaults.quietMs)
        self.resumeAfterMs = try container.value(.resumeAfterMs, default: defaults.resumeAfterMs)
        self.patienceMs = try container.value(.patienceMs, default: defaults.patienceMs)
        self.repeatAfterMs = try container.decodeIfPresent(Int.self, forKey: .repeatAfterMs)
        self.faults = try container.value(.faults, default: defaults.faults)
    }
}

extension CallScript.Turn {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case when, afterMs, say, dtmf, hangUp
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        self.when = try container.value(.when, default: .agentFinished)
        self.afterMs = try container.value(.afterMs, default: 0)
        self.say = try container.decodeIfPresent(String.self, forKey: .say)
        self.dtmf = try container.decodeIfPresent(String.self, forKey: .dtmf)
        self.hangUp = try container.value(.hangUp, default: false)
        let actions = [self.say != nil, self.dtmf != nil, self.hangUp].count { $0 }
        guard actions == 1, self.dtmf?.allSatisfy({ "0123456789*#ABCD".contains($0) }) ?? true else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a turn has one of say, dtmf (0-9 * # A-D) and hangUp: true"
                )
            )
        }
    }
}
