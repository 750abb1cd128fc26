import CallEvents
import JSON
import OpenAIRealtime
import RealtimeSession
import RealtimeSimulator
import Speech
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct `While a tool runs` {
    private static func text(_ name: String) -> String { Speech.utterance(name)?.text ?? name }

    private static let script: Script = {
        var script = Script.demo
        script.rules.append(Rule(.heard("wait"), [.say("sorry")]))
        return script
    }()

    @Test func `the conversation goes on, and the result is spoken about when it comes`() async throws {
        try await Bench.run(script: Self.script) { bench in
            try await bench.withStage {
                try await eventually("the session is ready") { bench.has("session-ready") }
                bench.holdResults()
                try bench.phone.say("price")
                try await eventually("the tool is asked for") { bench.has("tool-requested") }
                try bench.phone.say("wait")
                try await bench.agentFinished(1)
                try await bench.releaseResults()
                try await bench.agentFinished(2)
            }
            #expect(
                bench.conversation.filter { !$0.hasPrefix("tool:") } == [
                    "person: \(Self.text("price"))", "person: \(Self.text("wait"))",
                    "agent: \(Self.text("sorry"))", "agent: \(Self.text("confirm"))",
                ]
            )
            #expect(bench.simulator.sessions.flatMap(\.responses).map(\.said) == [[], ["sorry"], ["confirm"]])
            #expect(bench.simulator.sessions.flatMap(\.errors).isEmpty)
        }
    }

    @Test func `the model is told when it takes too long, and the result is not lost`() async throws {
        try await Bench.run(script: Self.script) { bench in
            try await bench.withStage(configure: { $0.policy.toolTimeout = .seconds(1) }) {
                try await eventually("the session is ready") { bench.has("session-ready") }
                bench.holdResults()
                try bench.phone.say("price")
                // What the model says to an output, whatever it is.
                try await bench.agentFinished(1)
                try await bench.releaseResults()
                try await eventually("the result is told") {
                    bench.simulator.sessions.first?.items.contains { $0.text.contains("has answered after all") }
                        == true
                }
            }
            let outputs = bench.simulator.sessions.flatMap(\.items).filter { $0["type"] == "function_call_output" }
            #expect(outputs.count == 1 && outputs[0].text.contains("no_answer_in_time"))
            #expect(bench.call.quotes.map(\.price) == ["45.00"])
            #expect(bench.events.count { $0.eventID.hasPrefix("tool-requested/") } == 1)
        }
    }
}
