import Foundation
import JSON
import RealtimeSimulator
import TestSupport
import TwilioSimulator

/// A call that uses every tool, one of another system among them, and every handoff, one from outside among them: what
/// its two ends do.
enum AllToolsCall {
    /// Each of the agent's turns is all that it has to do; it speaks at its end only.
    static let business: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "greeting")]
        script.turns += ["price", "wait", "goodbye"].map { CallScript.Turn(.agentFinished, say: $0) }
        return script
    }()

    /// What is heard, in the order in which it is said.
    static let conversation = ["greeting", "ask", "price", "confirm", "wait", "confirm", "goodbye", "bye"]

    static let model = Script(rules: Self.line + Self.prices + Self.order + Self.farewell)

    /// Who has the call, one after the other.
    static let agents = [
        "main_concierge", "appointment_scheduler", "main_concierge", "quotes_validator", "main_concierge",
        "order_placer", "main_concierge", "appointment_scheduler", "main_concierge",
    ]

    /// How often each tool is called.
    static let tools = [
        "report_voicemail": 1, "note_tone": 1, "send_digits": 1, "extract_quote": 1, "record_special_offer": 1,
        "schedule_appointment": 3, "validate_quote": 1, "compare_quotes": 1, "check_stock": 1, "place_order": 1,
        "transfer_to_quotes_validator": 1, "transfer_to_order_placer": 1, "transfer_to_appointment_scheduler": 1,
        "transfer_to_main_concierge": 4, "end_call": 1,
    ]

    private static let appointment: Action = .call(
        "schedule_appointment",
        ["date": .string(Self.appointmentDate), "time": "2:00 PM", "confirmationNumber": "A-7"]
    )
    /// In a week.
    static let appointmentDate = String(Date(timeIntervalSinceNow: 7 * 86_400).ISO8601Format().prefix(10))

    private static func handOver(to agent: String, _ reason: String, times: Int? = nil) -> Action {
        .call("transfer_to_\(agent)", ["reason": .string(reason), "context": "Nothing else."])
    }

    /// The main agent tells a machine from a menu and passes it. Then it is silent, until somebody outside has the
    /// appointment made.
    private static let line = [
        Rule(.heard("greeting"), [.call("report_voicemail", ["evidence": "It greets."])]),
        Rule(.toolOutput("report_voicemail"), [.call("note_tone", Self.tone)]),
        Rule(.toolOutput("note_tone"), [.call("send_digits", ["digits": "1", "reason": "sales"])]),
        Rule(.toolOutput("send_digits"), [], times: 1),
        // It has not reacted to that when it is somebody else.
        Rule(.toolOutput("send_digits"), [Self.appointment]),
        Rule(.toolOutput("schedule_appointment"), [Self.handOver(to: "main_concierge", "booked")], times: 1),
        Rule(.toolOutput("transfer_to_main_concierge"), [.say("ask")], times: 1),
    ]
    private static let tone: JSONValue = ["emotion": "friendly", "urgency": "low", "sentiment": "positive"]

    /// Two tools at once, and a second appointment; then the prices are checked and compared.
    private static let prices = [
        Rule(
            .heard("price"),
            [
                .call("extract_quote", ["price": 45, "details": "service", "availability": "tomorrow afternoon"]),
                .call("record_special_offer", ["description": "Ten percent off", "discount": "10 %"]),
            ]
        ),
        Rule(
            .toolOutput("record_special_offer"),
            [.call("schedule_appointment", ["date": .string(Self.appointmentDate), "time": "16:30"])]
        ),
        Rule(.toolOutput("schedule_appointment"), [Self.handOver(to: "quotes_validator", "check it")], times: 1),
        Rule(.toolOutput("transfer_to_quotes_validator"), [.say("confirm")]),
        Rule(.heard("wait"), [.call("validate_quote", ["price": 45])]),
        Rule(.toolOutput("validate_quote"), [.call("compare_quotes", ["criteria": "price"])]),
        Rule(.toolOutput("compare_quotes"), [Self.handOver(to: "main_concierge", "checked")]),
        Rule(.toolOutput("transfer_to_main_concierge"), [Self.handOver(to: "order_placer", "order")], times: 1),
    ]

    /// An order, and the first appointment once more, which is none.
    private static let order = [
        Rule(.toolOutput("transfer_to_order_placer"), [.call("check_stock", ["article": "oil filter"])]),
        Rule(
            .toolOutput("check_stock"),
            [.call("place_order", ["items": [["name": "Oil filter", "quantity": 2]], "totalPrice": 25.5])]
        ),
        Rule(.toolOutput("place_order"), [Self.handOver(to: "main_concierge", "ordered")]),
        Rule(
            .toolOutput("transfer_to_main_concierge"),
            [Self.handOver(to: "appointment_scheduler", "appointment")],
            times: 1
        ),
        Rule(.toolOutput("transfer_to_appointment_scheduler"), [Self.appointment]),
        Rule(.toolOutput("schedule_appointment"), [Self.handOver(to: "main_concierge", "booked before")]),
        Rule(.toolOutput("transfer_to_main_concierge"), [.say("confirm")]),
    ]

    private static let farewell = [
        Rule(.heard("goodbye"), [.say("bye"), .call("end_call", ["reason": "all done", "outcome": "success"])])
    ]

    /// Runs `body` with the configuration of a deployment whose agents are the built-in ones, but that two of them have
    /// another system's tool, which must not be run twice, and that no machine stops them.
    static func withAgents(_ stock: ToolServer, _ body: (Stack.Configuration) async throws -> Void) async throws {
        try await stock.serve { url in
            let file = FileManager.default.temporaryDirectory.appending(path: "agents-\(UUID()).yaml")
            defer { try? FileManager.default.removeItem(at: file) }
            try Self.agents(stockURL: url).write(to: file, atomically: true, encoding: .utf8)
            var configuration = Stack.Configuration()
            configuration.environment["VOICE_AGENTS_FILE"] = file.path()
            configuration.environment["STOCK_SECRET"] = "stock-secret"
            // However long a busy machine takes to have the coordinator back.
            configuration.environment["VOICE_TOOL_TIMEOUT_SECONDS"] = "60"
            try await body(configuration)
        }
    }

    private static func agents(stockURL: String) throws -> String {
        let tool = """
            tools:
              - name: check_stock
                type: http
                description: How many are there.
                parameters: { type: object, properties: { article: { type: string } }, required: [article] }
                url: \(stockURL)
                secret_env: STOCK_SECRET
                timeout_ms: 30000

            """
        return try tool
            + String(contentsOf: Self.builtInAgents, encoding: .utf8)
            .replacingOccurrences(of: "voicemail: hang_up", with: "voicemail: go_on")
            .replacingOccurrences(of: "tools: [place_order", with: "tools: [check_stock, place_order")
            .replacingOccurrences(of: "tools: [extract_quote", with: "tools: [check_stock, extract_quote")
    }

    private static let builtInAgents = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Agents/agents.yaml").standardized
}
