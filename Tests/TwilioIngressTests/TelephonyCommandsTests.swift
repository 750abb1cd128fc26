import CallEvents
import Kafka
import Logging
import NIOCore
import StageRuntime
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import TwilioMedia

@testable import TwilioIngress

/// Commands as the coordinator writes them, and what Twilio is asked for. One after the other: all instances on a broker
/// are one group.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TelephonyCommandsTests {
    private static let broker = Result { try EmbeddedBroker() }

    private static func withIngress(
        adjust: (inout IngressConfiguration) -> Void = { _ in },
        body: (Ingress) async throws -> Void
    ) async throws {
        try await Ingress.run(ownBroker: try Self.broker.get(), adjust: adjust, body: body)
    }

    private static func outcome(_ id: String, _ ingress: Ingress) async throws -> TelephonyCompleted {
        try await eventually("the outcome of \(id)", timeout: .seconds(60)) {
            try await ingress.events().first { $0.eventID == "telephony/\(id)" }?.telephonyCompleted
        }
    }

    @Test func `keys are pressed, then the next stream of the conversation is connected`() async throws {
        try await Self.withIngress { ingress in
            try await ingress.command("keys-1") {
                $0.playDigits.digits = "1w23#"
                $0.playDigits.streamEpoch = 7
            }
            let outcome = try await Self.outcome("keys-1", ingress)
            #expect(outcome.succeeded && outcome.error.isEmpty && outcome.commandID == "keys-1")
            let request = try #require(ingress.twilio.received.first)
            #expect(ingress.twilio.received.count == 1)
            #expect(request.path.hasSuffix("/Accounts/\(Ingress.accountSid)/Calls/\(ingress.callSid).json"))
            #expect(request.form.fields.map(\.name) == ["Twiml"])
            let twiml = try #require(request.form["Twiml"])
            #expect(twiml.utf8.count < 4_000)
            #expect(twiml.contains(#"<Response><Play digits="1w23#"/><Connect action="#))
            #expect(twiml.contains("/api/voice/twiml?epoch=108&amp;attempt=1&amp;at="))
            #expect(twiml.contains("</Connect><Redirect>"))
            let text = try #require(twiml.firstMatch(of: /name="token" value="([^"]*)"/)?.1)
            let token = StreamToken.Authority(authToken: Ingress.authToken)
                .verify(String(text), now: UnixTime.nowSeconds)
            #expect(token?.callSid == ingress.callSid && token?.streamEpoch == 107)
            #expect(try #require(token).expiresAt > UnixTime.nowSeconds + 50)
        }
    }

    @Test func `a command that comes again presses no key twice, on another instance neither`() async throws {
        let id = "keys-again-\(CallSid.random())"
        for isFirst in [true, false] {
            try await Self.withIngress { ingress in
                for _ in 0..<2 { try await ingress.command(id) { $0.playDigits.digits = "5" } }
                try await ingress.command("\(id)-hang-up") { $0.hangUp.reason = "test" }
                #expect(try await Self.outcome("\(id)-hang-up", ingress).succeeded)
                // The call's commands are carried out in their order.
                let asked = ingress.twilio.received.map { $0.form.fields[0].name }
                #expect(asked == (isFirst ? ["Twiml", "Status"] : ["Status"]))
                let outcomes = try await ingress.events().filter { $0.eventID == "telephony/\(id)" }
                #expect(outcomes.count == 2 && outcomes.allSatisfy(\.telephonyCompleted.succeeded))
            }
        }
    }

    @Test func `what an instance had begun before it died is not done again, and its outcome is unknown`() async throws
    {
        try await Self.withIngress { ingress in
            let id = "keys-\(ingress.callSid)"
            try await ingress.claimByInstanceThatIsGone(id)
            try await ingress.command(id) { $0.playDigits.digits = "5" }
            let outcome = try await Self.outcome(id, ingress)
            #expect(!outcome.succeeded && outcome.error == "unknown")
            #expect(ingress.twilio.received.isEmpty)
        }
    }

    @Test func `an answer that is lost leaves keys unknown, one that refuses does not`() async throws {
        try await Self.withIngress { ingress in
            let cases: [(TwilioStandIn.Answer, String)] = [
                (.status(500, "{}"), "unknown"),
                (.silence, "unknown"),
                (
                    .status(400, #"{"code":21220,"message":"not in-progress"}"#),
                    "Twilio refused with status 400, code 21220"
                ),
                (.status(404, #"{"code":20404,"message":"gone"}"#), "Twilio refused with status 404, code 20404"),
            ]
            for (number, (answer, error)) in cases.enumerated() {
                ingress.twilio.willAnswer(answer)
                let id = "keys-\(number)-\(ingress.callSid)"
                try await ingress.command(id) { $0.playDigits.digits = "5" }
                let outcome = try await Self.outcome(id, ingress)
                #expect(!outcome.succeeded && outcome.error == error)
            }
            #expect(ingress.twilio.received.count == cases.count)
        }
    }

    @Test func `hanging up is repeated until it is done, and a call that is over is done`() async throws {
        try await Self.withIngress { ingress in
            ingress.twilio.willAnswer(
                .status(503, "{}"),
                .status(429, #"{"code":20429,"message":"Too many"}"#),
                .status(404, #"{"code":20404,"message":"gone"}"#)
            )
            try await ingress.command("hang-up-1") { $0.hangUp.reason = "test" }
            #expect(try await Self.outcome("hang-up-1", ingress).succeeded)
            #expect(ingress.twilio.received.map { $0.form["Status"] } == ["completed", "completed", "completed"])
        }
    }

    @Test func `a call is sent elsewhere, if that is a URL`() async throws {
        try await Self.withIngress { ingress in
            try await ingress.command("elsewhere") { $0.redirect.url = "https://example.com/next?a=b" }
            #expect(try await Self.outcome("elsewhere", ingress).succeeded)
            let form = try #require(ingress.twilio.received.first?.form)
            #expect(form["Url"] == "https://example.com/next?a=b" && form["Method"] == "POST")
            for (number, url) in ["", "example.com", "http://example.com/", "https://", "https://a b"].enumerated() {
                try await ingress.command("nowhere-\(number)") { $0.redirect.url = url }
                let outcome = try await Self.outcome("nowhere-\(number)", ingress)
                #expect(!outcome.succeeded && outcome.error.contains("https"))
            }
            #expect(ingress.twilio.received.count == 1)
        }
    }

    @Test func `keys that are none are refused, and what cannot be read is put aside`() async throws {
        try await Self.withIngress { ingress in
            try await ingress.produce(.telephony, key: ingress.callSid.rawValue, bytes: ByteBuffer(string: "garbage"))
            for (number, digits) in ["", "1,2", "E", "١", String(repeating: "1", count: 65)].enumerated() {
                try await ingress.command("bad-\(number)") { $0.playDigits.digits = digits }
                let outcome = try await Self.outcome("bad-\(number)", ingress)
                #expect(!outcome.succeeded && outcome.error.contains("0-9 A-D # * w W"))
            }
            try await ingress.command("too-high") {
                $0.playDigits.digits = "1"
                $0.playDigits.streamEpoch = .max
            }
            #expect(try await !Self.outcome("too-high", ingress).succeeded)
            try await ingress.command("of-tomorrow") { _ in }
            #expect(try await !Self.outcome("of-tomorrow", ingress).succeeded)
            #expect(ingress.twilio.received.isEmpty)
            let letters = try await ingress.broker.records(
                in: ingress.topics[.deadLetters],
                partition: KeyPartition.of(ingress.callSid.rawValue, count: ingress.topics.partitions)
            )
            let reasons = letters.filter { $0.key == ByteBuffer(string: ingress.callSid.rawValue) }
                .flatMap(\.headers).filter { $0.name == "reason" }
            #expect(reasons.map(\.value) == [ByteBuffer(string: "not a TelephonyCommand")])
        }
    }

    @Test func `a call whose Twilio is slow holds up no other`() async throws {
        try await Self.withIngress(
            adjust: { $0.twilioTimeout = .seconds(60) },
            body: { ingress in
                ingress.twilio.willAnswer(.silence)
                try await ingress.command("slow") { $0.hangUp.reason = "test" }
                try await eventually("asked", timeout: .seconds(60)) { ingress.twilio.received.count == 1 }
                // Of the same partition.
                let partition = KeyPartition.of(ingress.callSid.rawValue, count: ingress.topics.partitions)
                let other = try #require(
                    (0..<100).lazy.map { _ in CallSid.random() }
                        .first { KeyPartition.of($0.rawValue, count: ingress.topics.partitions) == partition }
                )
                try await ingress.with(callSid: other).command("quick") { $0.hangUp.reason = "test" }
                #expect(try await Self.outcome("quick", ingress.with(callSid: other)).succeeded)
                #expect(try await ingress.events().isEmpty)
            }
        )
    }

    @Test func `an instance that is put out of the group joins it again, and its streams go on`() async throws {
        let errors = LoggedErrors()
        let logger = Logger(label: "test") { _ in errors }
        try await Ingress.run(
            ownBroker: try Self.broker.get(),
            logger: logger,
            adjust: { $0.rejoinAfter = .milliseconds(100) },
            body: { ingress in
                try await ingress.command("before") { $0.hangUp.reason = "test" }
                #expect(try await Self.outcome("before", ingress).succeeded)
                try await ingress.call { line in
                    ingress.broker.cluster.fail(.heartbeat, with: [.fencedInstance])
                    try await eventually("out of the group") {
                        errors.messages.contains { $0.contains("lost its place") }
                    }
                    try await ingress.command("after") { $0.hangUp.reason = "test" }
                    #expect(try await Self.outcome("after", ingress).succeeded)
                    #expect(!line.isClosed)
                }
            }
        )
    }

    @Test func `two instances share the work, and each command is carried out once`() async throws {
        try await Self.withIngress { first in
            try await Self.withIngress { second in
                let calls = (0..<24).map { _ in CallSid.random() }
                for callSid in calls {
                    try await first.with(callSid: callSid).command("keys-\(callSid)") { $0.playDigits.digits = "7" }
                }
                for callSid in calls {
                    let outcome = try await Self.outcome("keys-\(callSid)", first.with(callSid: callSid))
                    #expect(outcome.succeeded)
                }
                // A hang-up that an earlier test left undone is done here, too.
                let asked = (first.twilio.received + second.twilio.received).filter { $0.form["Twiml"] != nil }
                #expect(asked.count == calls.count && Set(asked.map(\.path)).count == calls.count)
            }
        }
    }
}

extension Ingress {
    /// Writes a command for the call, as the coordinator does.
    func command(_ id: String, _ fill: (inout TelephonyCommand) -> Void) async throws {
        var command = TelephonyCommand()
        command.commandID = id
        command.callSid = self.callSid.rawValue
        fill(&command)
        try await self.produce(.telephony, key: self.callSid.rawValue, command)
    }

    func claimByInstanceThatIsGone(_ key: String, _ change: (inout RequestClaim) -> Void = { _ in }) async throws {
        let record = RequestRecord.with {
            $0.claimKey = key
            $0.atUs = UnixTime.nowUs
            $0.claim.claimID = "of an instance that is gone"
            $0.claim.instance = "gone"
            change(&$0.claim)
        }
        try await self.produce(.requests, key: key, record)
    }

    func produce(_ topic: Topic, key: String, _ message: some SwiftProtobuf.Message) async throws {
        let value: [UInt8] = try message.serializedBytes()
        try await self.produce(topic, key: key, bytes: ByteBuffer(bytes: value))
    }

    func produce(_ topic: Topic, key: String, bytes: ByteBuffer) async throws {
        let producer = try KafkaProducer(
            .events,
            configuration: self.broker.configuration(instanceID: "test-writer"),
            logger: .quiet
        )
        let running = RunningServices([producer])
        _ = try await producer.deliver([
            KafkaMessage(topic: self.topics[topic], key: ByteBuffer(string: key), value: bytes)
        ])
        try await running.stop()
    }
}

/// Remembers errors, and nothing else.
private struct LoggedErrors: LogHandler {
    private final class Lines: Sendable {
        let messages = Mutex<[String]>([])
    }

    private let lines = Lines()
    var logLevel = Logger.Level.error
    var metadata: Logger.Metadata = [:]

    var messages: [String] { self.lines.messages.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.lines.messages.withLock { $0.append("\(event.message)") }
    }
}
