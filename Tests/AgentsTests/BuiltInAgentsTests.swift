import Agents
import CallEvents
import CallFlow
import Testing

@Suite struct BuiltInAgentsTests {
    private let book: AgentBook

    init() throws { self.book = try AgentBook.builtIn() }

    private func names(_ session: AgentSession) -> [String] { session.tools.map(\.name) }

    @Test func `the four agents have the tools of the design`() throws {
        #expect(self.book.beginsWith == "main_concierge")
        let state = Calls.speaking("main_concierge", of: self.book)
        let common = ["end_call", "send_digits", "report_voicemail", "note_tone"]
        let expected: [(String, [String])] = [
            (
                "main_concierge",
                [
                    "extract_quote", "schedule_appointment", "record_special_offer", "transfer_to_quotes_validator",
                    "transfer_to_order_placer", "transfer_to_appointment_scheduler",
                ]
            ),
            ("quotes_validator", ["validate_quote", "compare_quotes", "transfer_to_main_concierge"]),
            ("order_placer", ["place_order", "transfer_to_main_concierge"]),
            ("appointment_scheduler", ["schedule_appointment", "transfer_to_main_concierge"]),
        ]
        #expect(self.book.agentIDs == expected.map(\.0))
        for (id, tools) in expected {
            let session = try #require(self.book.session(of: id, in: state, atUs: Calls.nowUs))
            #expect(self.names(session) == tools + common)
            #expect(session.agent == id)
            #expect(session.settings.idle.seconds == 45 && session.settings.idle.prompts == 2)
            #expect(session.settings.voice.isEmpty)
            #expect(session.instructions.contains("AI assistant"))
        }
    }

    @Test func `a call begins with the concierge, who waits to be spoken to`() {
        let plan = self.book.plan(for: Calls.requested(), atUs: Calls.nowUs)
        #expect(plan.agent.agent == "main_concierge")
        #expect(plan.agent.opening.isEmpty)
        #expect(plan.agent.instructions.contains("\"Test Business\""))
        #expect(plan.agent.instructions.contains("The customer's words: \"Get quote for service\""))
        #expect(plan.agent.instructions.contains("Today is Tuesday, 2023-11-14."))
        #expect(!plan.agent.instructions.contains("Kind of business"))
        #expect(plan.limits.maxCallSeconds == 180 && plan.limits.windDownSeconds == 20)
        #expect(plan.limits.maxHandoffs == 10 && plan.limits.voicemail == .hangUp)
        #expect(plan.limits.maxCostNanodollars == 5_000_000_000)
    }

    @Test func `somebody who calls us gets the concierge, who does not believe to have called`() {
        let plan = self.book.plan(for: Calls.inbound(), atUs: Calls.nowUs)
        #expect(plan.agent.agent == "main_concierge")
        #expect(plan.agent.opening.contains("LifeHub"))
        #expect(plan.agent.instructions.contains("Somebody has called LifeHub's number"))
        #expect(!plan.agent.instructions.contains("has called a business"))
        #expect(!plan.agent.instructions.contains("Let the person greet you first"))
    }
}
