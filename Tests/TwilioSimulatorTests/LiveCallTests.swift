import CallEvents
import HTTPTypes
import JSON
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator
import WebSockets

/// What an API client does with calls that are there, and how the account limits it.
@Suite(.timeLimit(.minutes(1)))
struct LiveCallTests {
    private static var waiting: TestServer { TestServer { _, _ in .response("<Pause length=\"60\"/>") } }

    private static func form(_ harness: Harness) -> [(String, String)] {
        [("To", Harness.number), ("From", "+15550000000"), ("Url", harness.server.url("/twiml"))]
    }

    @Test func `an update can change the fallback, the callback and the time limit`() async throws {
        let server = TestServer { request, server in
            switch request.path {
            case "/twiml": .response("<Pause length=\"60\"/>")
            case "/broken": TestServer.Answer(status: .internalServerError, body: "")
            default: .response("<Pause length=\"60\"/>")
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            let sid = try await harness.call()
            try await harness.wait(for: sid) { $0.details.status == .inProgress }
            let both = try await harness.update(sid, [("Url", server.url("/a")), ("Twiml", "<Response/>")])
            #expect(both.status == 400 && both.json["code"] == 20001)
            let redirected = try await harness.update(
                sid,
                [
                    ("Url", server.url("/broken")), ("FallbackUrl", server.url("/fallback")),
                    ("StatusCallback", server.url("/elsewhere")),
                ]
            )
            #expect(redirected.status == 200)
            try await eventually("the fallback") { server.received("/fallback").first }
            #expect(try await harness.update(sid, [("TimeLimit", "0")]).json["code"] == 20001)
            #expect(try await harness.update(sid, [("TimeLimit", "1")]).status == 200)
            let snapshot = try await harness.waitForEnd(sid)
            #expect(snapshot.problems == [11200, 32015])
            #expect(server.received("/elsewhere").map { $0.fields["CallStatus"] } == ["completed"])
        }
    }

    @Test func `a look-up can fail as the script says`() async throws {
        var script = CallScript.quick()
        script.faults.lookUp = [.status(503), .status(404)]
        try await Harness.run(script, server: Self.waiting) { harness in
            let sid = try await harness.call()
            let path = "/Calls/\(sid).json"
            let list = "/Calls.json?To=%2B15551234567"
            for path in [path, list] {
                let (unavailable, first) = try await harness.api(path)
                #expect(unavailable == 503 && first["code"] == 20503)
                let (missing, second) = try await harness.api(path)
                #expect(missing == 404 && second["code"] == 20404)
                #expect(try await harness.api(path).status == 200)
            }
        }
    }

    @Test func `a list can be narrowed to when calls were dialled and ended`() async throws {
        try await Harness.run(.quick(), server: Self.waiting) {
            $0.script.callsPerSecond = 0.01
        } body: { harness in
            let dialed = try await harness.call()
            let (_, queued) = try await harness.api("/Calls.json", form: Self.form(harness))
            #expect(queued["start_time"] == .null)
            #expect(queued["queue_time"]?.stringValue.flatMap { Int($0) } ?? 0 > 90_000)
            try await harness.wait(for: dialed) { $0.details.dialed != nil }
            func sids(_ query: String) async throws -> [String] {
                let (status, json) = try await harness.api("/Calls.json?\(query)")
                #expect(status == 200)
                return json["calls"]?.arrayValue?.compactMap { $0["sid"]?.stringValue } ?? []
            }
            #expect(try await sids("To=%2B15551234567").count == 2)
            #expect(try await sids("StartTime%3E=2020-01-01") == [dialed.rawValue])
            #expect(try await sids("StartTime%3C=2020-01-01") == [])
            #expect(try await sids("StartTime=2020-01-01") == [])
            #expect(try await sids("EndTime%3E=2020-01-01T00:00:00Z") == [])
            let (status, error) = try await harness.api("/Calls.json?StartTime=yesterday")
            #expect(status == 400 && error["code"] == 20001)
        }
    }

    @Test(arguments: [
        ("StartTime=2026-11-23", true), ("StartTime=2026-11-22", false), ("StartTime%3E=2026-11-23", true),
        ("StartTime%3E=2026-11-23T04:18:00Z", true), ("StartTime%3E=2026-11-23T04:18:01Z", false),
        ("StartTime%3C=2026-11-23T04:18:00Z", true), ("StartTime%3C=2026-11-23T04:17:59Z", false),
        ("StartTime%3C=2026-11-23", false), ("EndTime=2026-11-23", false), ("Status=queued", true),
        ("Status=completed", false), ("ParentCallSid=CA0", false), ("From=%2B1", true), ("To=%2B1", false),
        ("StartTime%3E=2026-11-22&StartTime%3C=2026-11-24", true), ("PageSize=7", true),
    ])
    func `a filter compares moments and days`(query: String, isShown: Bool) throws {
        var call = CallDetails(
            sid: try #require(CallSid("CA0123456789abcdef0123456789abcdef")),
            accountSid: "AC",
            to: "+2",
            from: "+1",
            created: TwilioTime(milliseconds: 0)
        )
        #expect(try CallFilter(FormFields(parsing: "StartTime%3E=1970-01-01")).matches(call) == false)
        // 04:18:00.123 of the 23rd.
        call.dialed = TwilioTime(milliseconds: 1_795_407_480_123)
        #expect(try CallFilter(FormFields(parsing: query)).matches(call) == isShown)
    }

    @Test(arguments: ["StartTime=now", "StartTime%3E=2026-13-01", "EndTime=2026", "Status=busied"])
    func `a filter that is none is refused`(query: String) {
        let error = #expect(throws: APIError.self) { try CallFilter(FormFields(parsing: query)) }
        #expect(error?.code == 20001)
    }

    @Test func `more calls at once than the account may have are refused, of either direction`() async throws {
        try await Harness.run(.quick(), server: Self.waiting) {
            $0.script.concurrentCalls = 2
        } body: { harness in
            harness.simulator.setNumberSettings(NumberSettings(voiceURL: harness.server.url("/voice")))
            let first = try await harness.call()
            _ = try harness.simulator.receiveCall(to: "+15550000000")
            let (status, error) = try await harness.api("/Calls.json", form: Self.form(harness))
            #expect(status == 400 && error["code"] == 10004)
            let refusal = #expect(throws: APIError.self) { try harness.simulator.receiveCall(to: "+15550000000") }
            #expect(refusal?.code == 10004)
            _ = try await harness.update(first, [("Status", "completed")])
            try await harness.waitForEnd(first)
            #expect(try await harness.api("/Calls.json", form: Self.form(harness)).status == 201)
        }
    }

    @Test func `a rotated token signs from then on, and the old one opens nothing`() async throws {
        let streams = Mutex(0)
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            streams.withLock { $0 += 1 }
            await stream.readToEnd()
        }
        try await Harness.run(.quick(), server: server) { harness in
            #expect(try await harness.control("/control/auth-tokens/promote", body: "").status == 409)
            let body = #"{"authToken":"the next one"}"#
            #expect(try await harness.control("/control/auth-tokens/secondary", body: body).status == 200)
            for token in [TestServer.authToken, "the next one"] {
                #expect(try await harness.api("/Calls.json", authToken: token).status == 200)
            }
            let sid = try await harness.call()
            try await eventually("a stream") { streams.withLock { $0 } == 1 ? true : nil }
            #expect(server.received.allSatisfy { $0.hasValidSignature })

            #expect(try await harness.control("/control/auth-tokens/promote", body: "").status == 200)
            #expect(try await harness.api("/Calls.json", authToken: TestServer.authToken).json["code"] == 20003)
            let path = "/Calls/\(sid).json"
            let update = try await harness.api(path, form: [("Status", "completed")], authToken: "the next one")
            #expect(update.status == 200)
            try await harness.waitForEnd(sid)
            let last = try #require(server.received("/status").last)
            #expect(!last.hasValidSignature)
            let next = TwilioSignature(authToken: "the next one")
            let name = try #require(HTTPField.Name("X-Twilio-Signature"))
            let expected = next.compute(url: server.url("/status"), content: .form(last.fields))
            #expect(last.headers[name] == expected)
        }
    }
}
