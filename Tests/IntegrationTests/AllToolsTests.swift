import CallEvents
import Foundation
import HTTPTypes
import TestSupport
import Testing

/// A call in which everything happens that agents can do.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct AllToolsTests {
    @Test func `a call uses all tools and all handoffs, and is the same wherever its coordinator is killed`()
        async throws
    {
        // Answers when the coordinator that has asked is gone.
        let stock = ToolServer(.status(.ok, #"{"count": 3}"#, after: .seconds(5)))
        try await AllToolsCall.withAgents(stock) { configuration in
            try await PhoneWorld.run(
                configuration,
                business: AllToolsCall.business,
                model: AllToolsCall.model
            ) { world in
                let sid = try await world.placeAllToolsCall { try await world.killCoordinator(at: Self.points, of: $0) }
                try await world.expectAllToolsCall(sid, mayFail: "check_stock")
            }
        }
        #expect(stock.requests.count == 1)
    }

    /// On the embedded broker, where a killed member is missed for eight seconds, one of each kind only.
    private static let points =
        ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"] == nil ? Self.kinds : Self.allPoints

    private static let kinds: [@Sendable (CallEvent) -> Bool] = [
        { $0.agentChanged.handoff.toAgent == "appointment_scheduler" },
        { $0.toolCompleted.agentChanged.handoff.toAgent == "quotes_validator" },
        { $0.toolStarted.name == "check_stock" }, { $0.toolRequested.call.name == "place_order" },
    ]

    private static let allPoints: [@Sendable (CallEvent) -> Bool] = [
        { $0.callPlanned.hasAgent }, { $0.toolRequested.call.name == "report_voicemail" },
        { $0.toolStarted.name == "note_tone" }, { $0.toolCompleted.name == "send_digits" },
        { $0.handoffRequested.toAgent == "appointment_scheduler" },
        { $0.agentChanged.handoff.toAgent == "appointment_scheduler" },
        { $0.toolCompleted.name == "schedule_appointment" },
        { $0.toolRequested.call.name == "extract_quote" }, { $0.toolStarted.name == "record_special_offer" },
        { $0.toolCompleted.agentChanged.handoff.toAgent == "quotes_validator" },
        { $0.toolCompleted.name == "compare_quotes" }, { $0.toolStarted.name == "transfer_to_order_placer" },
        { $0.toolStarted.name == "check_stock" }, { $0.toolRequested.call.name == "place_order" },
        { $0.toolCompleted.name == "place_order" }, { $0.toolRequested.call.name == "end_call" },
        { $0.statusChanged.status == "completed" },
    ]
}
