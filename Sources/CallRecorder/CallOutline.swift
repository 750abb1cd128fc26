package import CallEvents
import CallFlow

/// What the events say of a call's audio: where it is and from when to when, so that only that is read.
package struct CallOutline: Sendable, Equatable {
    package private(set) var isKnown = false
    package private(set) var audioPath = AudioPath.unspecified
    /// Unix microseconds.
    package private(set) var firstStreamAtUs: Int64?
    /// Unix microseconds; nil while the call goes on.
    package private(set) var endedAtUs: Int64?

    package init() {}

    package mutating func apply(_ event: CallEvent) {
        self.isKnown = true
        switch event.body {
        case .requested(let requested): self.audioPath = requested.audioPath
        case .streamStarted: self.firstStreamAtUs = self.firstStreamAtUs ?? event.occurredAtUs
        case .statusChanged(let change) where CallPhase(twilioStatus: change.status) == .ended:
            self.endedAtUs = self.endedAtUs ?? event.occurredAtUs
        default: break
        }
    }

    /// The topics that the caller's side may be on, as mu-law.
    package var callerTopics: [Topic] {
        switch self.audioPath {
        case .pcm24K: [.audioInboundPhone]
        case .passthrough: [.audioInboundModel]
        default: [.audioInboundPhone, .audioInboundModel]
        }
    }
}
