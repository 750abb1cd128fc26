import CallEvents
import Foundation
import HTTPTypes
import JSON
import Kafka
import NIOCore
import Speech
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import TwilioSimulator

/// The call monitor in Chromium, on the running system.
@Suite(.timeLimit(.minutes(6)), .serialized)
struct CallMonitorTests {
    @Test func `the page's modules do what they say, and older calls come page by page`() async throws {
        try await BrowserScript.run("modules.py")
    }

    @Test func `a call is started by form, watched from ring to end, and another is ended by its button`() async throws
    {
        // The other business waits, so that its call goes on until somebody ends it.
        var patient = CallScript()
        patient.turns = [
            CallScript.Turn(.atOnce, say: "greeting"), CallScript.Turn(.atOnce, afterMs: 120_000, say: "wait"),
        ]
        try await PhoneWorld.run(numbers: [PhoneWorld.otherPhoneNumber: patient]) { world in
            try await BrowserScript.run("watch.py", url: world.stack.publicURL) { question in
                let words = question.split(separator: " ", maxSplits: 2).map(String.init)
                switch (question, words.first) {
                case ("conversation", _):
                    return Self.json(of: ["greeting", "ask", "price", "confirm", "goodbye", "bye"])
                case ("number", _): return JSONValue.string(PhoneWorld.phoneNumber).text
                case ("other number", _): return JSONValue.string(PhoneWorld.otherPhoneNumber).text
                case (_, "say"):
                    try await world.say(words[2], in: try #require(CallSid(words[1])))
                    return "true"
                case (_, "completed"):
                    let sid = try #require(CallSid(words[1]))
                    try await world.wait(for: "the call is completed", in: sid) { $0 == .status("completed") }
                    return "true"
                default: throw BrowserScript.Failure(description: "unknown question: \(question)")
                }
            }
        }
    }

    @Test func `a watched call with all tools loses nothing when the sink is killed, behind a login and embedded`()
        async throws
    {
        let token = "an-api-token"
        let port = try await FreePorts.take()
        try await AllToolsCall.withAgents(ToolServer(.status(.ok, #"{"count": 3}"#))) { configuration in
            var configuration = configuration
            configuration.environment["VOICE_API_TOKEN"] = token
            configuration.environment["VOICE_ALLOW_ANONYMOUS"] = "false"
            configuration.environment["VOICE_ALLOWED_ORIGINS"] = "http://127.0.0.1:\(port)"
            try await PhoneWorld.run(configuration, business: AllToolsCall.business, model: AllToolsCall.model) {
                world in
                let call = WatchedCall()
                async let placing: Void = call.place(in: world)
                try await BrowserScript.run(
                    "restart.py",
                    url: world.stack.publicURL,
                    arguments: [token, "\(port)"]
                ) { question in
                    switch question {
                    case "call": return JSONValue.string(try await call.begin().rawValue).text
                    case "restart the sink": try await world.stack.sink.killAndRestart()
                    case "ended": try await call.end()
                    case "expected": return Self.expected.text
                    default: throw BrowserScript.Failure(description: "unknown question: \(question)")
                    }
                    return "true"
                }
                try await placing
            }
        }
    }

    /// What the page shows of the call with all tools.
    private static var expected: JSONValue {
        let texts = AllToolsCall.conversation.compactMap { Speech.utterance($0)?.text }
        let tools = AllToolsCall.tools.flatMap { name, count in repeatElement(name, count: count) }.sorted()
        let agents = AllToolsCall.agents.dropFirst().map { name in
            let words = name.replacing("_", with: " ")
            return words.prefix(1).uppercased() + words.dropFirst()
        }
        return .object([
            "conversation": .array(texts.map { .string($0) }),
            "tools": .array(tools.map { .string($0) }),
            "handoffs": .array(agents.map { .string($0) }),
            "results": ["Appointment", "Appointment", "Comparison", "Order", "Quote", "Special offer"],
        ])
    }

    private static func json(of names: [String]) -> String {
        JSONValue.array(names.compactMap { Speech.utterance($0).map { .string($0.text) } }).text
    }
}

/// The call with all tools, which is placed when somebody is there to watch it.
private final class WatchedCall: Sendable {
    private struct State {
        var isWanted = false
        var sid: CallSid?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Waits until it is wanted, places it and has it go on to its end.
    func place(in world: PhoneWorld) async throws {
        try await eventually("somebody watches", timeout: .seconds(120)) { self.state.withLock(\.isWanted) }
        _ = try await world.placeAllToolsCall { sid in self.state.withLock { $0.sid = sid } }
        self.state.withLock { $0.isOver = true }
    }

    func begin() async throws -> CallSid {
        self.state.withLock { $0.isWanted = true }
        return try await eventually("the call is placed") { self.state.withLock(\.sid) }
    }

    func end() async throws {
        try await eventually("the call is over", timeout: .seconds(200)) { self.state.withLock(\.isOver) }
    }
}

extension PhoneWorld {
    /// Writes that the person has said this, as the call's session would.
    fileprivate func say(_ text: String, in sid: CallSid) async throws {
        let nowUs = Int64(Date().timeIntervalSince1970 * 1_000_000)
        var event = CallEvent()
        event.eventID = "written-by-the-test/\(sid)"
        event.callSid = sid.rawValue
        event.occurredAtUs = nowUs
        event.source = "test"
        event.sessionEpoch = try await self.events(of: sid).map(\.sessionEpoch).max() ?? 0
        event.utterance.itemID = "item_written_by_the_test"
        event.utterance.speaker = .person
        event.utterance.text = text
        event.utterance.startedAtUs = nowUs
        let producer = try KafkaProducer(.events, configuration: self.stack.kafka, logger: .quiet)
        let running = RunningServices([producer])
        try await producer.deliver([
            KafkaMessage(
                topic: self.stack.topics[.events],
                key: ByteBuffer(string: sid.rawValue),
                value: ByteBuffer(bytes: try event.serializedBytes() as [UInt8])
            )
        ])
        try await running.stop()
    }
}
