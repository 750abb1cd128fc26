/// One sentence as it sounds on a telephone line.
package struct Utterance: Sendable, Hashable {
    package enum Speaker: String, Sendable, CaseIterable {
        /// The person who answers the phone.
        case business
        /// The voice agent that calls.
        case agent
    }

    package var name: String
    /// What is said; empty when it is a mere noise.
    package var text: String
    package var speaker: Speaker
    /// G.711 mu-law, 8 kHz, no header, whole 20 ms frames, no silence at either end.
    package var mulaw: [UInt8]

    package init(name: String, text: String, speaker: Speaker, mulaw: [UInt8]) {
        self.name = name
        self.text = text
        self.speaker = speaker
        self.mulaw = mulaw
    }

    package var duration: Duration {
        .microseconds(self.mulaw.count * 125)
    }
}
