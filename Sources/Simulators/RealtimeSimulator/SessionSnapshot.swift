package import JSON
package import Speech

/// What happened in one session so far, for tests and for the demo's report.
package struct SessionSnapshot: Sendable {
    package struct ClientEvent: Sendable {
        package var type: String
        package var body: JSONValue
    }

    /// An `error` event that was sent.
    package struct SentError: Sendable, Equatable {
        package var code: String
        package var param: String?
        /// The client event's own id.
        package var eventID: String?
        package var message: String
    }

    /// A turn of the caller.
    package struct Turn: Sendable, Equatable {
        package var itemID: String
        /// In the audio appended since the session began.
        package var startMs: Int
        package var endMs: Int
        /// nil until the recogniser is done.
        package var hearing: Hearing?

        /// The recordings that were said; nil when they were not understood.
        package var utterances: [String]? { self.hearing?.utterances }
    }

    package struct Response: Sendable, Equatable {
        package var id: String
        /// What it answered; nil while the caller's words are not recognised yet.
        package var trigger: Rule.Trigger?
        /// The recordings it said, complete or not.
        package var said: [String] = []
        package var called: [String] = []
        /// Functions of the script that the client had not offered.
        package var notOffered: [String] = []
        /// As in `response.done`; `in_progress` before.
        package var status = "in_progress"
        package var reason: String?
        /// Audio sent.
        package var audioMs = 0
    }

    package struct Truncation: Sendable, Equatable {
        package var itemID: String
        package var audioEndMs: Int
        /// What the item had before.
        package var itemMs: Int

        package init(itemID: String, audioEndMs: Int, itemMs: Int) {
            self.itemID = itemID
            self.audioEndMs = audioEndMs
            self.itemMs = itemMs
        }
    }

    /// From 1, in the order of opening, over all sessions of the simulator.
    package var number: Int
    package var id: String
    package var model: String
    /// The header `OpenAI-Safety-Identifier`.
    package var safetyIdentifier: String?
    package var isOpen = true
    /// All but appended audio; the newest 10,000.
    package var clientEvents: [ClientEvent] = []
    package var eventsReceived = 0
    package var appends = 0
    package var appendedMs = 0
    package var eventsSent = 0
    package var errors: [SentError] = []
    package var turns: [Turn] = []
    package var responses: [Response] = []
    package var truncations: [Truncation] = []
    /// The conversation as `conversation.item.retrieve` would show it, without audio.
    package var items: [JSONValue] = []
    /// As `session.updated` shows it.
    package var configuration: JSONValue = .null
}
