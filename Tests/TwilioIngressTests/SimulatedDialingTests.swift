import CallEvents
import JSON
import NIOCore
import TestSupport
import Testing
import TwilioSimulator

@testable import TwilioIngress

/// Calls that are made, or not, at the simulator, which is as strict as Twilio.
@Suite(.timeLimit(.minutes(2))) struct SimulatedDialingTests {
    private static var quickCall: CallScript {
        var script = CallScript()
        script.answerAfterMs = 100
        script.turns = [.init(.atOnce, afterMs: 300, hangUp: true)]
        return script
    }

    private static func body(_ name: String = "Test Business") -> String {
        JSONValue.object([
            "phoneNumber": "+15551234567", "businessName": .string(name), "userRequest": "Get a quote",
        ]).text
    }

    @Test func `an answer that is lost after dialling is settled by the call's callbacks, and nobody dials again`()
        async throws
    {
        var script = Self.quickCall
        script.faults.create = [.lostAnswer(holdMs: 5_000)]
        // The client is told before anybody hears of the call.
        script.faults.statusDelayMs = 3_000
        script.answerAfterMs = 4_000
        try await Ingress.runWithSimulator(
            script,
            adjust: { $0.twilioTimeout = .seconds(1) },
            body: { simulator, ingress in
                let key = "lost-\(ingress.callSid)"
                let lost = try await ingress.initiateCall(Self.body(), key: key)
                #expect(lost.status == 504 && lost.isProblem)
                #expect(try await ingress.initiateCall(Self.body(), key: key).status == 409)
                let settled = try await eventually("the call is known") { () -> Answer? in
                    let answer = try await ingress.initiateCall(Self.body(), key: key)
                    return answer.status == 201 ? answer : nil
                }
                #expect(simulator.calls.count == 1)
                let callSid = try #require(simulator.calls.first?.details.sid)
                #expect(settled.json["callSid"]?.stringValue == callSid.rawValue)
                try await eventually("the call is announced and over") {
                    let ids = try await ingress.events(of: callSid).map(\.eventID)
                    return ids.contains("requested/\(callSid)") && ids.contains("status/\(callSid)/3")
                }
                #expect(try await ingress.initiateCall(Self.body(), key: key).json == settled.json)
                #expect(simulator.calls.count == 1)
            }
        )
    }

    @Test func `what Twilio answers is told apart`() async throws {
        var script = Self.quickCall
        script.faults.create = [.status(503), .timeout(holdMs: 20_000), .status(429), .status(400)]
        try await Ingress.runWithSimulator(
            script,
            adjust: { $0.twilioTimeout = .seconds(5) },
            body: { simulator, ingress in
                let key = "told-\(ingress.callSid)"
                for (number, status) in [502, 504].enumerated() {
                    let answer = try await ingress.initiateCall(Self.body(), key: "\(key)-\(number)")
                    #expect(answer.status == status && answer.isProblem)
                    #expect(answer.json["detail"]?.stringValue?.contains("not known") == true)
                    #expect(try await ingress.initiateCall(Self.body(), key: "\(key)-\(number)").status == 409)
                }
                // 429, and then 400.
                let refused = try await ingress.initiateCall(Self.body(), key: key)
                #expect(refused.status == 422 && refused.json["twilioCode"]?.stringValue == "20001")
                #expect(simulator.calls.isEmpty)
                #expect(try await ingress.initiateCall(Self.body(), key: key).status == 201)
                #expect(simulator.calls.count == 1)
            }
        )
    }

    @Test func `a number that is not ours is refused with Twilio's code`() async throws {
        try await Ingress.runWithSimulator(
            Self.quickCall,
            adjust: { $0.phoneNumber = PhoneNumber("+15005550007")! },
            body: { simulator, ingress in
                let answer = try await ingress.initiateCall(Self.body())
                #expect(answer.status == 422 && answer.json["twilioCode"]?.stringValue == "21210")
                #expect(answer.json["twilioMessage"]?.stringValue?.contains("not yet verified") == true)
                #expect(simulator.calls.isEmpty)
            }
        )
    }

    @Test(
        arguments: [
            "Müller & Söhne <GmbH>", #""Quoted" \ 'Business'"#, "日本の店 🚗🔧", "]]><Response><Hangup/>", "%3Cb%3E&a=b;c",
            "شركة \u{202e}", "a\u{0}b\u{7f}", "e\u{301}",
        ]
    )
    func `a name comes through as it was given, whatever is in it`(_ name: String) async throws {
        try await Ingress.runWithSimulator(Self.quickCall) { simulator, ingress in
            let answer = try await ingress.initiateCall(Self.body(name))
            let callSid = try #require(answer.json["callSid"]?.stringValue.flatMap(CallSid.init), "\(answer)")
            try await eventually("the call is over") {
                try await ingress.events(of: callSid).contains { $0.statusChanged.status == "completed" }
            }
            let events = try await ingress.events(of: callSid)
            let requested = try #require(events.first { $0.eventID == "requested/\(callSid)" }?.requested)
            #expect(requested.businessName.unicodeScalars.elementsEqual(name.unicodeScalars))
            #expect(events.contains { $0.eventID == "stream-started/\(callSid)/1" })
            let problems = try #require(simulator.call(callSid)).problems
            #expect(problems.allSatisfy { $0 == 31_921 }, "\(problems)")
        }
    }

    @Test func `several businesses are called, no faster than Twilio dials`() async throws {
        try await Ingress.runWithSimulator(
            Self.quickCall,
            callsPerSecond: 4,
            adjust: { $0.twilioCallsPerSecond = 4 },
            body: { simulator, ingress in
                let businesses = (0..<4).map { number -> JSONValue in
                    ["phoneNumber": .string("+1555000000\(number)"), "businessName": .string("Number \(number)")]
                }
                let body: JSONValue = ["userRequest": "Get a quote", "businesses": .array(businesses)]
                let answer = try await ingress.initiateCall(body.text, key: "several-\(ingress.callSid)")
                let calls = try #require(answer.json["calls"]?.arrayValue)
                #expect(answer.status == 201 && calls.count == 4)
                for (number, call) in calls.enumerated() {
                    let callSid = try #require(call["callSid"]?.stringValue.flatMap(CallSid.init))
                    #expect(simulator.call(callSid)?.details.to == "+1555000000\(number)")
                    try await eventually("call \(number) is announced under the request's id") {
                        try await ingress.events(of: callSid).contains { event in
                            event.requested.requestID == answer.json["requestId"]?.stringValue
                        }
                    }
                }
                #expect(simulator.calls.count == 4)
            }
        )
    }
}
