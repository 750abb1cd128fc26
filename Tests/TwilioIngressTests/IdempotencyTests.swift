import CallEvents
import JSON
import NIOHTTP1
import TestSupport
import Testing
import TwilioMedia

@testable import TwilioIngress

/// No request dials twice, whatever happens, with two instances that share a broker and a stand-in for Twilio.
@Suite(.timeLimit(.minutes(2))) struct IdempotencyTests {
    private static let body =
        #"{"phoneNumber":"+15551234567","businessName":"Test Business","userRequest":"Get a quote"}"#
    private static let sameBody =
        #" { "userRequest" : "Get a quote", "businessName":"Test Business","phoneNumber":"+15551234567" } "#
    private static let otherBody =
        #"{"phoneNumber":"+15551234567","businessName":"Test Business","userRequest":"Get two quotes"}"#

    private static func withTwoInstances(_ body: (Ingress, Ingress) async throws -> Void) async throws {
        try await Ingress.run { one in
            try await Ingress.run(adjust: { $0.twilioAPIURL = one.twilioURL }) { two in try await body(one, two) }
        }
    }

    @Test func `a repeated request is answered the same and dials once, on any instance`() async throws {
        try await Self.withTwoInstances { one, two in
            let key = "key \(one.callSid)"
            let first = try await one.initiateCall(Self.body, key: key)
            #expect(first.status == 201 && first.json["callSid"]?.stringValue == one.callSid.rawValue)
            #expect(first.json["requestId"]?.stringValue?.count == 36)
            for (ingress, body) in [(one, Self.body), (two, Self.body), (two, Self.sameBody)] {
                let again = try await ingress.initiateCall(body, key: key)
                #expect(again.status == 201 && again.json == first.json)
            }
            let other = try await two.initiateCall(Self.otherBody, key: key)
            #expect(other.status == 422 && other.isProblem)
            #expect(one.twilio.received.count == 1)

            // Keys are the token's own, and without one nothing is a repeat.
            #expect(try await two.initiateCall(Self.otherBody, key: key, token: "secret-two").status == 201)
            #expect(try await two.initiateCall(Self.body).status == 201)
            #expect(one.twilio.received.count == 3)
            #expect(try await one.events().count { $0.eventID == "requested/\(one.callSid)" } == 1)
        }
    }

    @Test func `a restarted instance remembers`() async throws {
        try await Ingress.run { outer in
            let key = "restart-\(outer.callSid)"
            let adjust = { (configuration: inout IngressConfiguration) in
                configuration.twilioAPIURL = outer.twilioURL
            }
            for _ in 0..<2 {
                try await Ingress.run(adjust: adjust) { ingress in
                    let answer = try await ingress.initiateCall(Self.body, key: key)
                    #expect(answer.status == 201)
                    #expect(answer.json["callSid"]?.stringValue == outer.callSid.rawValue)
                }
            }
            #expect(outer.twilio.received.count == 1)
        }
    }

    @Test func `of two instances that race for one key exactly one dials`() async throws {
        try await Self.withTwoInstances { one, two in
            for round in 0..<5 {
                let key = "race-\(round)-\(one.callSid)"
                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for ingress in [one, two, one, two] {
                        group.addTask { try await ingress.initiateCall(Self.body, key: key) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let made = answers.filter { $0.status == 201 }
                #expect(!made.isEmpty && Set(made.map(\.text)).count == 1)
                #expect(answers.allSatisfy { $0.status == 201 || $0.status == 409 && $0.isProblem })
                #expect(one.twilio.received.count == round + 1)
                // Who lost asks again.
                try await eventually("the outcome is known everywhere") {
                    let again = try await two.initiateCall(Self.body, key: key)
                    return again.status == 201 && again.json == made[0].json
                }
                #expect(one.twilio.received.count == round + 1)
            }
        }
    }

    @Test func `a call of unknown outcome is not dialled again, and a callback of it settles the request`() async throws
    {
        try await Self.withTwoInstances { one, two in
            one.twilio.willAnswer(.lost, .status(500, "{}"))
            for (round, status) in [504, 502].enumerated() {
                let key = "lost-\(round)-\(one.callSid)"
                let lost = try await one.initiateCall(Self.body, key: key)
                #expect(lost.status == status && lost.isProblem)
                for ingress in [one, two] {
                    let again = try await ingress.initiateCall(Self.body, key: key)
                    #expect(again.status == 409 && again.isProblem)
                    #expect(again.json["detail"]?.stringValue?.contains("same key") == true)
                }
                #expect(one.twilio.received.count == round + 1)

                let url = try #require(one.twilio.received.last?.form["StatusCallback"])
                let callSid = round == 0 ? one.callSid : .random()
                let path = url.dropFirst(Ingress.publicURL.count).prefix { $0 != "#" }
                let callback = try await two.webhook(
                    String(path),
                    [
                        FormField("CallSid", callSid.rawValue), FormField("CallStatus", "ringing"),
                        FormField("SequenceNumber", "1"),
                    ]
                )
                #expect(callback.status == 204)
                for ingress in [two, one] {
                    try await eventually("the callback is known") {
                        let again = try await ingress.initiateCall(Self.body, key: key)
                        return again.status == 201 && again.json["callSid"]?.stringValue == callSid.rawValue
                    }
                }
                let events = try await one.events(of: callSid)
                #expect(events.contains { $0.eventID == "requested/\(callSid)" })
                #expect(one.twilio.received.count == round + 1)
            }
        }
    }

    @Test func `what was certainly not dialled can be tried again`() async throws {
        try await Self.withTwoInstances { one, two in
            let key = "refused-\(one.callSid)"
            one.twilio.willAnswer(.status(400, #"{"code":21211,"message":"not valid","status":400}"#))
            #expect(try await one.initiateCall(Self.body, key: key).status == 422)
            try await eventually("the other instance may dial") {
                try await two.initiateCall(Self.otherBody, key: key).status == 201
            }
            #expect(one.twilio.received.count == 2)
        }
    }

    @Test func `a key is one value of printable ASCII`() async throws {
        try await Ingress.run { ingress in
            for key in ["", String(repeating: "k", count: 256), "schlüssel"] {
                let answer = try await ingress.initiateCall(Self.body, key: key)
                #expect(answer.status == 400 && answer.isProblem, "\(key)")
            }
            let two = try await ingress.send(
                .POST,
                "/api/voice/initiate-call",
                headers: [
                    "authorization": "Bearer \(Ingress.apiToken)", "idempotency-key": "a", "Idempotency-Key": "b",
                ],
                body: Self.body
            )
            #expect(two.status == 400)
            #expect(ingress.twilio.received.isEmpty)
            let longest = String(repeating: "~", count: 255)
            #expect(try await ingress.initiateCall(Self.body, key: longest).status == 201)
        }
    }

    @Test func `a request that names several businesses dials each once, and repeated only those it did not`()
        async throws
    {
        let body = """
            {"userRequest":"Get a quote","requestId":"r7","businesses":[
             {"phoneNumber":"+15550000001","businessName":"One"},
             {"phoneNumber":"+15550000002","businessName":"Two","userRequest":"Ask for two","category":"two"},
             {"phoneNumber":"+15550000003","businessName":"Three","userData":{"n":3}}]}
            """
        try await Self.withTwoInstances { one, two in
            let key = "several-\(one.callSid)"
            one.twilio.willAnswer(
                .status(201, #"{"sid":"\#(CallSid.random())"}"#),
                .status(400, #"{"code":21211,"message":"not valid","status":400}"#)
            )
            let first = try await one.initiateCall(body, key: key)
            #expect(first.status == 201 && first.json["requestId"] == "r7" && first.json["status"] == "queued")
            let calls = try #require(first.json["calls"]?.arrayValue)
            #expect(calls.compactMap { $0["businessName"]?.stringValue } == ["One", "Two", "Three"])
            let made = calls.compactMap { $0["callSid"]?.stringValue.flatMap(CallSid.init) }
            let problem = try #require(calls.compactMap { $0["problem"] }.first)
            #expect(made.count == 2 && problem["twilioCode"]?.stringValue == "21211")
            #expect(Set(one.twilio.received.compactMap { $0.form["To"] }).count == 3)

            let again = try await two.initiateCall(body, key: key)
            let allCalls = try #require(again.json["calls"]?.arrayValue)
            let all = allCalls.compactMap { $0["callSid"]?.stringValue.flatMap(CallSid.init) }
            #expect(again.status == 201 && all.count == 3 && Set(all).isSuperset(of: made))
            #expect(one.twilio.received.count == 4)
            #expect(try await one.initiateCall(body, key: key).json == again.json)
            #expect(try await one.initiateCall(Self.body, key: key).status == 422)
            #expect(one.twilio.received.count == 4)

            for (callSid, call) in zip(all, allCalls) {
                let requested = try #require(try await one.events(of: callSid).first?.requested)
                let isTwo = requested.phoneNumber == "+15550000002"
                #expect(requested.requestID == "r7")
                #expect(requested.businessName == call["businessName"]?.stringValue)
                #expect(requested.userRequest == (isTwo ? "Ask for two" : "Get a quote"))
                #expect(requested.category == (isTwo ? "two" : "general"))
                #expect(requested.userData == (requested.businessName == "Three" ? #"{"n":3}"# : ""))
            }
        }
    }

    @Test func `when none of several calls was made, each problem is told`() async throws {
        let body = """
            {"userRequest":"Get a quote","businesses":[{"phoneNumber":"+15550000001","businessName":"One"},
             {"phoneNumber":"+15550000002","businessName":"Two"}]}
            """
        try await Ingress.run { ingress in
            let refused = TwilioStandIn.Answer.status(400, #"{"code":21211,"message":"not valid","status":400}"#)
            ingress.twilio.willAnswer(refused, refused)
            let answer = try await ingress.initiateCall(body)
            #expect(answer.status == 422 && answer.isProblem)
            let named = answer.json["errors"]?.arrayValue?.compactMap { $0["field"]?.stringValue }
            #expect(named == ["businesses[0]", "businesses[1]"])
        }
    }
}
