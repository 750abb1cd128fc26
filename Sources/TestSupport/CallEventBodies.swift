package import CallEvents
import SwiftProtobuf

/// Events of calls, as short as tests want to tell them.
extension CallEvent.OneOf_Body {
    package static func requested(
        _ business: String = "Test Business",
        request: String = "req-1",
        wish: String = "A quote",
        category: String = "general"
    ) -> Self {
        .requested(
            .with {
                $0.requestID = request
                $0.phoneNumber = "+15551234567"
                $0.businessName = business
                $0.userRequest = wish
                $0.category = category
                $0.userID = "user-1"
                $0.direction = "outbound-api"
            }
        )
    }

    package static func planned(_ agent: String = "main_concierge") -> Self {
        .callPlanned(.with { $0.agent.agent = agent })
    }

    package static func status(_ status: String, _ sequence: UInt32) -> Self {
        .statusChanged(
            .with {
                $0.status = status
                $0.sequenceNumber = sequence
            }
        )
    }

    package static func said(
        _ speaker: Speaker,
        _ item: String,
        after previous: String = "",
        _ text: String,
        startedAtUs: Int64 = 0
    ) -> Self {
        .utterance(
            .with {
                $0.itemID = item
                $0.previousItemID = previous
                $0.speaker = speaker
                $0.text = text
                $0.startedAtUs = startedAtUs
            }
        )
    }

    package static func asks(_ id: String, _ name: String, _ arguments: String = "{}") -> Self {
        .toolRequested(
            .with {
                $0.call.toolCallID = id
                $0.call.name = name
                $0.call.arguments = arguments
            }
        )
    }

    package static func done(_ id: String, _ name: String, succeeded: Bool = true, handoff: Handoff? = nil) -> Self {
        .toolCompleted(
            .with {
                $0.toolCallID = id
                $0.name = name
                $0.succeeded = succeeded
                $0.output = "{}"
                if let handoff { $0.agentChanged.handoff = handoff }
            }
        )
    }

    package static func turn(_ response: String, firstAudioMs: UInt32) -> Self {
        .turnMeasured(
            .with {
                $0.responseID = response
                $0.firstAudioMs = firstAudioMs
                $0.firstPlayedMs = firstAudioMs + 100
            }
        )
    }

    package static func cost(_ response: String, nanodollars: Int64) -> Self {
        .responseDone(
            .with {
                $0.responseID = response
                $0.usage.outputAudioTokens = 7
                $0.costNanodollars = nanodollars
            }
        )
    }
}
