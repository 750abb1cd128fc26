import CallEvents
import FoundationEssentials
import Testing
import TwilioMedia
import TwilioSimulator

@Suite(.timeLimit(.minutes(1)))
struct MachineDetectionTests {
    private static func detection(_ further: [(String, String)]) throws -> MachineDetection {
        let form = [("To", "+15551234567"), ("From", "+15550000000"), ("Url", "http://a.example/")] + further
        let request = try CallRequest(FormFields(form.map { FormField($0.0, $0.1) }), ownedNumbers: nil)
        return try #require(request.detection)
    }

    @Test(arguments: [
        ("Enable", "human", "human"), ("Enable", "machine_start", "machine_start"), ("Enable", "fax", "fax"),
        ("Enable", "machine_end_beep", "machine_start"), ("Enable", "unknown", "unknown"),
        ("DetectMessageEnd", "human", "human"), ("DetectMessageEnd", "machine_start", "machine_end_beep"),
        ("DetectMessageEnd", "machine_end_silence", "machine_end_silence"),
        ("DetectMessageEnd", "machine_end_other", "machine_end_other"), ("Enable", "nobody", "unknown"),
    ])
    func `each mode has its own words`(mode: String, script: String, verdict: String) throws {
        let detection = try Self.detection([("MachineDetection", mode)])
        #expect(detection.verdict(script, afterMs: 500).answeredBy == verdict)
        #expect(detection.timeoutSeconds == 30 && !detection.isAsynchronous)
    }

    @Test func `what takes longer than the time-out stays unknown`() throws {
        let detection = try Self.detection([("MachineDetection", "Enable"), ("MachineDetectionTimeout", "3")])
        #expect(detection.verdict("human", afterMs: 2999) == ("human", 2999))
        #expect(detection.verdict("human", afterMs: 3000) == ("unknown", 3000))
    }

    @Test(arguments: [
        ("MachineDetection", "enable"), ("MachineDetection", "true"), ("MachineDetectionTimeout", "2"),
        ("MachineDetectionTimeout", "60"), ("MachineDetectionSpeechThreshold", "999"),
        ("MachineDetectionSpeechEndThreshold", "5001"), ("MachineDetectionSilenceTimeout", "1999"),
        ("AsyncAmd", "yes"), ("SendDigits", "12x"), ("SendDigits", String(repeating: "1", count: 33)),
        ("Record", "maybe"), ("Trim", "trim"), ("RecordingChannels", "stereo"),
    ])
    func `what is out of range or no word is refused`(name: String, value: String) throws {
        let error = #expect(throws: APIError.self) { try Self.detection([(name, value)]) }
        #expect(error?.code == 20001 && error?.status == 400)
    }

    @Test func `digits that are sent turn it off, and a missing callback is a warning`() throws {
        let form = [("To", "+15551234567"), ("From", "+15550000000"), ("Url", "http://a.example/")]
        func request(_ further: [(String, String)]) throws -> CallRequest {
            try CallRequest(FormFields((form + further).map { FormField($0.0, $0.1) }), ownedNumbers: nil)
        }
        #expect(try request([("MachineDetection", "Enable"), ("SendDigits", "ww1")]).detection == nil)
        let asynchronous = try request([("MachineDetection", "Enable"), ("AsyncAmd", "true")])
        #expect(asynchronous.warnings.map(\.code) == [21262])
    }

    @Test func `a script cannot name an answer that Twilio does not know`() {
        let script = Data("{\"default\": {\"answeredBy\": \"machine\"}}".utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(SimulationScript.self, from: script) }
    }

    @Test func `the verdict is posted with all it has`() async throws {
        var script = CallScript.quick()
        script.answeredBy = "machine_end_beep"
        let server = TestServer { _, _ in .response("<Pause length=\"1\"/>") }
        try await Harness.run(script, server: server) { harness in
            let sid = try await harness.call([
                ("MachineDetection", "DetectMessageEnd"), ("AsyncAmd", "true"),
                ("AsyncAmdStatusCallback", server.url("/amd?x=1")), ("AsyncAmdStatusCallbackMethod", "POST"),
            ])
            let snapshot = try await harness.waitForEnd(sid)
            let verdict = try #require(server.received("/amd").first)
            #expect(verdict.hasValidSignature && verdict.query == "x=1")
            let fields = Dictionary(verdict.fields.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            #expect(
                fields == [
                    "CallSid": sid.rawValue, "AccountSid": Harness.accountSid, "AnsweredBy": "machine_end_beep",
                    "MachineDetectionDuration": "50",
                ]
            )
            #expect(server.received("/status").last?.fields["AnsweredBy"] == "machine_end_beep")
            #expect(snapshot.details.answeredBy == "machine_end_beep")
        }
    }
}
