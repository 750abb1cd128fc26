import CallEvents
import JSON
import NIOHTTP1
import TestSupport
import Testing
import TwilioMedia

@testable import TwilioIngress

@Suite(.timeLimit(.minutes(2))) struct CallControlAPITests {
    private static let live = TwilioStandIn.Answer.status(200, #"{"sid":"CA","status":"in-progress"}"#)
    private static let over = TwilioStandIn.Answer.status(200, #"{"sid":"CA","status":"no-answer"}"#)

    @Test func `a call is ended, after that was written down`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(Self.live)
            let answer = try await ingress.control("end", #"{"reason":"enough"}"#)
            #expect(answer.status == 202)
            #expect(
                answer.json["callSid"]?.stringValue == ingress.callSid.rawValue && answer.json["status"] == "ending"
            )
            #expect(ingress.twilio.received.map(\.method) == ["GET", "POST"])
            #expect(ingress.twilio.posted.map { $0.form["Status"] } == ["completed"])
            let events = try await ingress.events()
            #expect(events.map(\.eventID) == ["end-requested/\(ingress.callSid)"])
            #expect(events.first?.endRequested.reason == "enough")
        }
    }

    @Test func `ending it again is accepted and does nothing more`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(Self.over)
            let answer = try await ingress.control("end", nil)
            #expect(answer.status == 202 && answer.json["status"] == "ended")
            #expect(try await ingress.events().isEmpty)
            #expect(ingress.twilio.posted.isEmpty)
        }
    }

    @Test func `a call that ends meanwhile is ended`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(Self.live, .status(400, #"{"code":21220,"message":"over"}"#))
            let answer = try await ingress.control("end", "")
            #expect(answer.status == 202)
        }
    }

    @Test func `a Twilio that does not answer is told later`() async throws {
        try await Ingress.run(
            adjust: { $0.twilioAPIURL = "http://127.0.0.1:1" },
            body: { ingress in
                let answer = try await ingress.control("end", nil)
                #expect(answer.status == 202)
                #expect(try await ingress.events().map(\.eventID) == ["end-requested/\(ingress.callSid)"])
            }
        )
    }

    @Test func `a refusal of Twilio's is told with its code`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(Self.live, .status(401, #"{"code":20003,"message":"Authenticate"}"#))
            let answer = try await ingress.control("end", nil)
            #expect(answer.status == 502 && answer.isProblem && answer.text.contains("20003"))
        }
    }

    @Test(arguments: ["end", "handoff"])
    func `a call that Twilio does not know is not found`(_ action: String) async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(.status(404, #"{"code":20404,"message":"not found"}"#))
            let answer = try await ingress.control(action, #"{"agent":"order_placer","reason":"r"}"#)
            #expect(answer.status == 404 && answer.isProblem)
            #expect(try await ingress.events().isEmpty)
        }
    }

    @Test func `a handoff is an event for the coordinator`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(Self.live, Self.live, Self.over)
            let body = #"{"agent":"order_placer","reason":"they want to order","context":"two pizzas"}"#
            for _ in 0..<2 { #expect(try await ingress.control("handoff", body).status == 202) }
            let events = try await ingress.events()
            #expect(events.count == 2 && Set(events.map(\.eventID)).count == 2)
            #expect(events.allSatisfy { $0.eventID.hasPrefix("handoff-requested/\(ingress.callSid)/") })
            #expect(events.first?.handoffRequested.toAgent == "order_placer")
            #expect(events.first?.handoffRequested.reason == "they want to order")
            #expect(events.first?.handoffRequested.context == "two pizzas")
            #expect(try await ingress.control("handoff", body).status == 409)
        }
    }

    @Test func `bad input is named, all of it at once`() async throws {
        try await Ingress.run { ingress in
            let long = String(repeating: "x", count: 2_001)
            let answer = try await ingress.control("handoff", #"{"agent":7,"reason":"  ","context":"\#(long)"}"#)
            #expect(answer.status == 422 && answer.isProblem)
            let fields = answer.json["errors"]?.arrayValue?.compactMap { $0["field"]?.stringValue }
            #expect(fields == ["agent", "reason", "context"])
            for body in ["[]", "{", "7"] {
                #expect(try await ingress.control("end", body).status == 400)
            }
            #expect(try await ingress.control("end", #"{"reason":1}"#).status == 422)
            #expect(try await ingress.control("end", String(repeating: " ", count: 20_000)).status == 413)
            let path = "/api/voice/calls/CA1/end"
            #expect(try await ingress.send(.POST, path, headers: Self.authorization()).status == 400)
            #expect(ingress.twilio.received.isEmpty)
            #expect(try await ingress.events().isEmpty)
        }
    }

    @Test(arguments: ["end", "handoff"])
    func `nobody without a token ends or hands over a call`(_ action: String) async throws {
        try await Ingress.run { ingress in
            for token in [nil, "another"] {
                let answer = try await ingress.control(action, #"{"agent":"a","reason":"r"}"#, token: token)
                #expect(answer.status == 401 && answer.isProblem)
            }
            #expect(ingress.twilio.received.isEmpty)
        }
    }

    fileprivate static func authorization(_ token: String? = Ingress.apiToken) -> HTTPHeaders {
        token.map { ["authorization": "Bearer \($0)"] } ?? [:]
    }
}

extension Ingress {
    /// `POST /api/voice/calls/{callSid}/<action>`.
    func control(_ action: String, _ body: String?, token: String? = Self.apiToken) async throws -> Answer {
        var headers = CallControlAPITests.authorization(token)
        if body != nil { headers.add(name: "content-type", value: "application/json") }
        return try await self.send(
            .POST,
            "/api/voice/calls/\(self.callSid)/\(action)",
            headers: headers,
            body: body
        )
    }
}
