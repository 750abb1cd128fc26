import CallEvents
import JSON
import Kafka
import NIOCore
import RealtimeSimulator
import Speech
import TestSupport
import Testing
import TwilioSimulator

extension PhoneWorld {
    private static let agentLines = ["ask", "confirm", "bye"]
    private static let conversation = ["greeting", "ask", "price", "confirm", "goodbye", "bye"]

    /// Waits for the end of the demo's conversation and checks that it went as scripted: everything was said and heard
    /// once and in order, the quote is there once, and Twilio has nothing to complain of.
    /// - Parameter isOnly: there is no other call, so that all that any model said belongs to this one.
    func expectDemoCall(_ sid: CallSid, toleratedProblems: Set<Int> = [], isOnly: Bool = true) async throws {
        try await self.wait(for: "the call completes", in: sid, timeout: .seconds(90)) { $0 == .status("completed") }
        let call = try #require(self.twilio.call(sid))
        #expect(Set(call.problems).subtracting(toleratedProblems) == [], "\(self.story(of: sid))")

        try await self.expectReadAPI(sid)
        try await self.expectOneQuote(sid)
        self.expectNothingTwice(sid, call: call)
        guard isOnly else { return }
        let said = self.realtime.sessions.flatMap { $0.responses }.filter { $0.status == "completed" }.flatMap(\.said)
        #expect(said == Self.agentLines)
    }

    private func expectReadAPI(_ sid: CallSid) async throws {
        try await eventually("the read API knows the end", timeout: .seconds(30)) {
            try await self.status(of: sid)["status"] == "completed"
        }
        let status = try await self.status(of: sid)
        let texts = status["transcript"]?.arrayValue?.compactMap { $0["text"]?.stringValue }
        #expect(texts == Self.conversation.compactMap { Speech.utterance($0)?.text })
        let speakers = status["transcript"]?.arrayValue?.compactMap { $0["speaker"]?.stringValue }
        #expect(speakers == ["person", "agent", "person", "agent", "person", "agent"])
        let quotes = try #require(status["quotes"]?.arrayValue)
        #expect(quotes.map { $0["price"] } == ["45.00"])
        #expect(quotes.map { $0["currency"] } == ["USD"])
    }

    private func expectOneQuote(_ sid: CallSid) async throws {
        let quotes = try await self.records(of: sid, on: .resultsQuotes)
        #expect(quotes.count == 1)
        let value = try #require(quotes.first?.value)
        #expect(try JSONValue(parsing: value.readableBytesView)["price"] == "45.00")
        let started = try await self.events(of: sid).map(\.toolStarted).filter { $0.name == "extract_quote" }
        let extractions = Set(started.map(\.toolCallID))
        #expect(extractions.count == 1, "the tool ran for one call of it")
    }

    /// The phone heard as much of the agent as its three lines last: less would be a hole, more a repetition.
    private func expectNothingTwice(_ sid: CallSid, call: CallSnapshot) {
        let heardMs = call.events.reduce(0) { sum, event in
            if case .agentEnded(let durationMs) = event { sum + durationMs } else { sum }
        }
        let linesMs = Self.agentLines.compactMap { Speech.utterance($0) }.reduce(0) { $0 + $1.mulaw.count / 8 }
        #expect(abs(heardMs - linesMs) <= 400, "heard \(heardMs) ms of \(linesMs) ms: \(self.story(of: sid))")
    }
}
