import CallEvents
import JSON
import NIOHTTP1
import TestSupport
import Testing
import TwilioMedia

@testable import TwilioIngress

@Suite(.timeLimit(.minutes(2))) struct VoiceAPITests {
    private static let good = """
        {"phoneNumber":"+15551234567","businessName":"Test Business","userRequest":"Get quote for service",\
        "category":"general","userId":"u1","userData":{"car":{"year":2020}},"requestId":"r1"}
        """

    @Test func `a call is created at Twilio and announced before the client is answered`() async throws {
        try await Ingress.run { ingress in
            let answer = try await ingress.initiateCall(Self.good)
            #expect(answer.status == 201)
            #expect(
                answer.json == ["callSid": .string(ingress.callSid.rawValue), "requestId": "r1", "status": "queued"]
            )

            let created = try #require(ingress.twilio.received.first)
            #expect(created.path == "/2010-04-01/Accounts/\(Ingress.accountSid)/Calls.json")
            #expect(created.form["To"] == "+15551234567")
            #expect(created.form["From"] == "+15005550006")
            let url = try #require(created.form["Url"])
            let claimKey = try #require(ingress.claimKey(url))
            for (name, path) in [("Url", "twiml"), ("StatusCallback", "status"), ("AsyncAmdStatusCallback", "amd")] {
                let webhook = "http://127.0.0.1:9/api/voice/\(path)?request=\(claimKey)"
                #expect(created.form[name]?.prefix { $0 != "#" } == webhook[...])
            }
            #expect((1...64).contains(claimKey.utf8.count) && claimKey.allSatisfy(\.isHexDigit))
            #expect(created.form["MachineDetection"] == "Enable" && created.form["AsyncAmd"] == "true")
            #expect(created.form["Timeout"] == "60" && created.form["TimeLimit"] == "3600")
            #expect(
                created.form.fields.filter { $0.name == "StatusCallbackEvent" }.map(\.value)
                    == ["initiated", "ringing", "answered", "completed"]
            )
            let credentials = Base64.encode(Array("\(Ingress.accountSid):\(Ingress.authToken)".utf8))
            #expect(created.authorization == "Basic " + String(decoding: credentials, as: UTF8.self))

            let event = try #require(try await ingress.events().first)
            #expect(event.eventID == "requested/\(ingress.callSid)")
            #expect(event.callSid == ingress.callSid.rawValue)
            #expect(event.source == "twilio-ingress/\(ingress.instanceID)")
            #expect(event.requested.requestID == "r1")
            #expect(event.requested.phoneNumber == "+15551234567")
            #expect(event.requested.businessName == "Test Business")
            #expect(event.requested.userRequest == "Get quote for service")
            #expect(event.requested.category == "general")
            #expect(event.requested.userID == "u1")
            #expect(event.requested.userData == #"{"car":{"year":2020}}"#)
            #expect(event.requested.audioPath == .pcm24K)
            #expect(event.requested.direction == "outbound-api")
        }
    }

    @Test func `bad requests are refused with every problem named, and nothing is dialled`() async throws {
        let cases: [(body: String, status: Int, fields: [String])] = [
            ("", 400, []),
            ("not json", 400, []),
            (#"{"phoneNumber":"#, 400, []),
            ("[]", 400, []),
            ("{}", 422, ["phoneNumber", "businessName", "userRequest"]),
            (#"{"phoneNumber":"+15551234567","businessName":"B"}"#, 422, ["userRequest"]),
            (#"{"phoneNumber":"555-1234","businessName":"B","userRequest":"R"}"#, 422, ["phoneNumber"]),
            (#"{"phoneNumber":"+05551234567","businessName":"B","userRequest":"R"}"#, 422, ["phoneNumber"]),
            (#"{"phoneNumber":"+1555123456789012","businessName":"B","userRequest":"R"}"#, 422, ["phoneNumber"]),
            (#"{"phoneNumber":15551234567,"businessName":"B","userRequest":"R"}"#, 422, ["phoneNumber"]),
            (
                #"{"phoneNumber":null,"businessName":" ","userRequest":[]}"#, 422,
                ["phoneNumber", "businessName", "userRequest"]
            ),
            (
                #"{"phoneNumber":"+15551234567","businessName":"B","userRequest":"R","category":"\#(String(repeating: "c", count: 65))"}"#,
                422, ["category"]
            ),
            (String(repeating: " ", count: 70_000), 413, []),
        ]
        try await Ingress.run { ingress in
            for (body, status, fields) in cases {
                let answer = try await ingress.initiateCall(body)
                #expect(answer.status == status && answer.isProblem, "\(body.prefix(100)): \(answer)")
                let named = answer.json["errors"]?.arrayValue?.compactMap { $0["field"]?.stringValue } ?? []
                #expect(named == fields, "\(body.prefix(100))")
            }
            #expect(ingress.twilio.received.isEmpty)
        }
    }

    @Test func `only the listed tokens may initiate calls`() async throws {
        try await Ingress.run { ingress in
            for token in [nil, "", "wrong", "secret-one,secret-two", "secret-on", "secret-onee"] {
                let answer = try await ingress.initiateCall(Self.good, token: token)
                #expect(answer.status == 401 && answer.isProblem)
                #expect(answer.headers.first(name: "www-authenticate") == "Bearer")
            }
            #expect(ingress.twilio.received.isEmpty)
            #expect(try await ingress.initiateCall(Self.good, token: "secret-two").status == 201)
        }
    }

    @Test func `what Twilio answers is told apart`() async throws {
        let refused = #"{"code":21211,"message":"The 'To' number is not valid.","status":400}"#
        let cases: [(answer: TwilioStandIn.Answer, status: Int, detail: String, code: String?)] = [
            (.status(400, refused), 422, "The 'To' number is not valid.", "21211"),
            (.status(401, #"{"code":20003,"message":"Authenticate"}"#), 502, "Authenticate", "20003"),
            (.status(408, "{}"), 502, "not known", nil),
            (.status(403, "<html>"), 502, "refused", nil),
            (.status(500, "{}"), 502, "not known", nil),
            (.status(201, "{}"), 502, "not known", nil),
            (.status(302, ""), 502, "not known", nil),
            (.silence, 504, "not known", nil),
        ]
        try await Ingress.run { ingress in
            for (scripted, status, detail, code) in cases {
                ingress.twilio.willAnswer(scripted)
                let answer = try await ingress.initiateCall(Self.good)
                #expect(answer.status == status && answer.isProblem, "\(scripted): \(answer)")
                #expect(answer.json["detail"]?.stringValue?.contains(detail) == true, "\(answer.text)")
                #expect(answer.json["twilioCode"]?.stringValue == code)
                #expect(answer.json["requestId"]?.stringValue == "r1")
            }
            #expect(ingress.twilio.received.count == cases.count)
            #expect(try await ingress.events().isEmpty)
        }
    }

    @Test func `an unreachable Twilio has dialled nothing`() async throws {
        try await Ingress.run(
            adjust: { $0.twilioAPIURL = "http://127.0.0.1:1" },
            body: { ingress in
                let answer = try await ingress.initiateCall(Self.good)
                #expect(answer.status == 503 && answer.isProblem)
                #expect(answer.json["detail"]?.stringValue?.contains("no call was made") == true)
            }
        )
    }

    @Test func `an unknown route is a problem too`() async throws {
        try await Ingress.run { ingress in
            let answer = try await ingress.send(.GET, "/api/voice/nothing")
            #expect(answer.status == 404 && answer.isProblem)
        }
    }
}
