import AsyncHTTPClient
import CallEvents
import JSON
import NIOCore
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator

@Suite(.timeLimit(.minutes(1)))
struct APITests {
    static var hangUp: TestServer { TestServer { _, _ in .response("<Hangup/>") } }

    static let refusals: [(form: [(String, String)], code: Int)] = [
        ([("From", "+15550000000"), ("Url", "http://a.example/")], 21201),
        ([("To", "+15551234567"), ("Url", "http://a.example/")], 21213),
        ([("To", "5551234567"), ("From", "+15550000000"), ("Url", "http://a.example/")], 21211),
        ([("To", "+0555123456"), ("From", "+15550000000"), ("Url", "http://a.example/")], 21211),
        ([("To", "+15551234567"), ("From", "me"), ("Url", "http://a.example/")], 21212),
        ([("To", "+15551234567"), ("From", "+15559999999"), ("Url", "http://a.example/")], 21210),
        ([("To", "+15551234567"), ("From", "+15550000000")], 21205),
        ([("To", "+15551234567"), ("From", "+15550000000"), ("ApplicationSid", "AP0")], 21218),
        ([("To", "+15551234567"), ("From", "+15550000000"), ("Url", "example")], 21205),
        ([("To", "+15551234567"), ("From", "+15550000000"), ("Url", "http://a_b.example/")], 21205),
        (
            [("To", "+15551234567"), ("From", "+15550000000"), ("Url", "http://a.example/"), ("Timeout", "601")],
            21208
        ),
        (
            [
                ("To", "+15551234567"), ("From", "+15550000000"), ("Twiml", String(repeating: "x", count: 4001)),
            ],
            32018
        ),
    ]

    @Test(arguments: refusals)
    func `a request that Twilio refuses is refused with its number`(
        form: [(String, String)],
        code: Int
    ) throws {
        let fields = FormFields(form.map { FormField($0.0, $0.1) })
        let error = #expect(throws: APIError.self) { try CallRequest(fields, ownedNumbers: ["+15550000000"]) }
        #expect(error?.code == code && error?.status == 400)
    }

    @Test func `errors have Twilio's form and calls their resource`() async throws {
        try await Harness.run(.quick(), server: Self.hangUp) { harness in
            let (unauthorized, error) = try await harness.api("/Calls.json", form: [], authToken: "wrong")
            #expect(unauthorized == 401)
            #expect(
                error == [
                    "code": 20003, "message": "Authenticate", "status": 401,
                    "more_info": "https://www.twilio.com/docs/errors/20003",
                ]
            )
            let (missing, notFound) = try await harness.api("/Calls/CA0123456789abcdef0123456789abcdef.json")
            #expect(missing == 404 && notFound["code"] == 20404)

            let sid = try await harness.call()
            try await harness.waitForEnd(sid)
            let (status, call) = try await harness.api("/Calls/\(sid).json")
            #expect(status == 200)
            #expect(call["sid"]?.stringValue == sid.rawValue && call["status"] == "completed")
            #expect(call["duration"]?.stringValue != nil && call["direction"] == "outbound-api")

            let second = try await harness.call()
            let (_, list) = try await harness.api("/Calls.json?To=%2B15551234567&PageSize=1")
            #expect(list["calls"]?.arrayValue?.compactMap { $0["sid"]?.stringValue } == [second.rawValue])
            let next = list["next_page_uri"]?.stringValue ?? ""
            #expect(next.hasSuffix("/Calls.json?To=%2B15551234567&PageSize=1&Page=1"))
            let (_, none) = try await harness.api("/Calls.json?Status=busy")
            #expect(none["calls"] == [])
        }
    }

    @Test func `a call over, or not yet answered, takes no new document`() async throws {
        var script = CallScript.quick()
        script.answerAfterMs = 60_000
        try await Harness.run(script, server: Self.hangUp) { harness in
            let sid = try await harness.call()
            try await harness.wait(for: sid) { $0.details.status == .ringing }
            let early = try await harness.update(sid, [("Twiml", "<Response/>")])
            #expect(early.status == 400 && early.json["code"] == 21220)
            let canceled = try await harness.update(sid, [("Status", "canceled")])
            #expect(canceled.status == 200)
            let snapshot = try await harness.waitForEnd(sid)
            #expect(snapshot.details.status == .canceled)
            let late = try await harness.update(sid, [("Status", "completed")])
            #expect(late.status == 400 && late.json["code"] == 21220)
        }
    }

    @Test(arguments: [(CallScript.Outcome.busy, "busy"), (.failed, "failed"), (.noAnswer, "no-answer")])
    func `a call that nobody takes ends with its status`(outcome: CallScript.Outcome, status: String) async throws {
        var script = CallScript.quick()
        script.outcome = outcome
        try await Harness.run(script, server: Self.hangUp) { harness in
            let sid = try await harness.call([("Timeout", "1")])
            let snapshot = try await harness.waitForEnd(sid)
            #expect(snapshot.details.status.rawValue == status)
            let last = try #require(harness.server.received("/status").last)
            #expect(last.fields["CallStatus"] == status && last.fields["CallDuration"] == "0")
            #expect(harness.server.received("/twiml").isEmpty)
        }
    }

    @Test func `scripted faults: refused, too many, and an answer that is lost after dialling`() async throws {
        var script = CallScript.quick()
        script.faults.create = [.status(503), .status(429), .timeout(holdMs: 60_000), .lostAnswer(holdMs: 60_000)]
        try await Harness.run(script, server: Self.hangUp) { harness in
            let form = [("To", Harness.number), ("From", "+15550000000"), ("Url", harness.server.url("/twiml"))]
            #expect(try await harness.api("/Calls.json", form: form).status == 503)
            let tooMany = try await harness.api("/Calls.json", form: form)
            #expect(tooMany.status == 429 && tooMany.json["code"] == 20429)
            await #expect(throws: HTTPClientError.self) {
                try await harness.api("/Calls.json", form: form, timeout: .milliseconds(200))
            }
            #expect(harness.simulator.calls.isEmpty)
            await #expect(throws: HTTPClientError.self) {
                try await harness.api("/Calls.json", form: form, timeout: .milliseconds(200))
            }
            try await eventually("the call") { harness.simulator.calls.count == 1 ? true : nil }
            _ = try await harness.call()
            #expect(harness.simulator.calls.count == 2)
        }
    }

    @Test func `calls beyond the rate wait in the queue, and the time limit ends a call`() async throws {
        try await Harness.run(.quick(), server: TestServer { _, _ in .response("<Pause length=\"60\"/>") }) {
            $0.script.callsPerSecond = 0.5
        } body: { harness in
            let sids = [try await harness.call([("TimeLimit", "1")]), try await harness.call([("TimeLimit", "1")])]
            let snapshots = [try await harness.waitForEnd(sids[0]), try await harness.waitForEnd(sids[1])]
            #expect(snapshots.map(\.problems) == [[32015], [32015]])
            #expect(snapshots[0].details.queuedMs == 0)
            #expect((1...2000).contains(snapshots[1].details.queuedMs))
        }
    }
}
