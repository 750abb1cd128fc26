/// A call at one moment: its properties and everything that happened in it.
package struct CallSnapshot: Sendable {
    package var details: CallDetails
    /// In the order in which they happened.
    package var facts: [CallFact]
    /// The stereo WAV: left the business, right the agent; nil when nothing is recorded.
    package var recordingPath: String?

    package var events: [CallFact.Event] { self.facts.map(\.event) }

    /// The numbers of Twilio's errors and warnings, in order.
    package var problems: [Int] {
        self.facts.compactMap { fact in
            if case .problem(let code, _) = fact.event { code } else { nil }
        }
    }
}
