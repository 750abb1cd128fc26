import CallEvents
import TestSupport
import Testing
import TwilioSimulator

@testable import TwilioIngress

/// Keys, ends and inbound calls against the simulator, which is as strict as Twilio. One after the other: all instances
/// on a broker carry out one another's commands.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SimulatedTelephonyTests {
    private static let broker = Result { try EmbeddedBroker() }

    private static var script: CallScript {
        var script = CallScript()
        script.answerAfterMs = 50
        script.turns = [.init(.atOnce, say: "greeting")]
        return script
    }

    private static func event(_ id: String, of call: Ingress) async throws -> CallEvent {
        try await eventually("event \(id)", timeout: .seconds(60)) {
            try await call.events().first { $0.eventID == id }
        }
    }

    @Test func `keys are pressed in mid-call, once, and the same conversation goes on`() async throws {
        try await SimulatedTwilio.run(Self.script) { twilio in
            try await twilio.withIngress(ownBroker: try Self.broker.get()) { ingress in
                let call = try await twilio.call(from: ingress)
                let sid = call.callSid
                _ = try await Self.event("stream-started/\(sid)/1", of: call)
                var before = SpeechMaker(stream: 1)
                try await call.play(before.audio("a", ms: 400) + [before.frame(.endOfItem, "a")])
                try await eventually("heard") { try twilio.snapshot(call).heardMs == 400 }

                for _ in 0..<2 {
                    try await call.command("keys-\(sid)") {
                        $0.playDigits.digits = "1w2#"
                        $0.playDigits.streamEpoch = 1
                    }
                }
                #expect(try await Self.event("telephony/keys-\(sid)", of: call).telephonyCompleted.succeeded)
                let stopped = try await Self.event("stream-stopped/\(sid)/1", of: call)
                #expect(stopped.streamStopped.reason == "stop")
                _ = try await Self.event("stream-started/\(sid)/101", of: call)

                var after = SpeechMaker(stream: 101)
                after.session = 6
                try await call.play(after.audio("b", ms: 200) + [after.frame(.endOfItem, "b")])
                try await eventually("heard on the next stream") { try twilio.snapshot(call).heardMs == 600 }
                try await eventually("the person is heard on it") {
                    try await call.inboundFrames().count { $0.streamEpoch == 101 } > 10
                }

                let answer = try await call.control("end", #"{"reason":"test"}"#)
                #expect(answer.status == 202)
                try await eventually("completed") {
                    try await call.events().contains { $0.statusChanged.status == "completed" }
                }
                try await eventually("both deliveries of the command are answered") {
                    try await call.events().count { $0.eventID == "telephony/keys-\(sid)" } == 2
                }
                let snapshot = try twilio.snapshot(call)
                #expect(snapshot.keysPressed == ["1w2#"])
                #expect(snapshot.details.status == .completed)
                #expect(snapshot.problems.allSatisfy { $0 == 31_921 }, "\(snapshot.facts)")
                #expect(try await !call.events().contains { $0.eventID == "stream-started/\(sid)/102" })
                #expect(try await call.events().contains { $0.streamStatusChanged.event == "stream-stopped" })
            }
        }
    }

    @Test func `another instance presses the keys, and the conversation goes on there`() async throws {
        try await SimulatedTwilio.run(Self.script) { twilio in
            let broker = try Self.broker.get()
            try await twilio.withIngress(ownBroker: broker) { first in
                try await twilio.withIngress(ownBroker: broker) { second in
                    // Whose a call's commands are is the group's to say.
                    for _ in 0..<24 {
                        let call = try await twilio.call(from: first)
                        let sid = call.callSid
                        let before = try await Self.event("stream-started/\(sid)/1", of: call).streamStarted
                        #expect(before.ingressInstance == first.instanceID)
                        try await call.command("keys-\(sid)") {
                            $0.playDigits.digits = "9"
                            $0.playDigits.streamEpoch = 1
                        }
                        let after = try await Self.event("stream-started/\(sid)/101", of: call).streamStarted
                        let snapshot = try twilio.snapshot(call)
                        #expect(snapshot.keysPressed == ["9"])
                        let answer = try await second.with(callSid: sid).control("end", nil)
                        #expect(answer.status == 202)
                        try await eventually("over") { try twilio.snapshot(call).details.status == .completed }
                        if after.ingressInstance == second.instanceID { return }
                    }
                    Issue.record("all calls' commands went to the instance that placed them")
                }
            }
        }
    }

    @Test func `keys whose answer is lost are pressed once, and said to be unknown`() async throws {
        var script = Self.script
        script.faults.update = [.lostAnswer(holdMs: 50)]
        script.faults.repeatStatus = true
        script.faults.reorderStatus = true
        try await SimulatedTwilio.run(script) { twilio in
            try await twilio.withIngress(ownBroker: try Self.broker.get()) { ingress in
                let call = try await twilio.call(from: ingress)
                let sid = call.callSid
                _ = try await Self.event("stream-started/\(sid)/1", of: call)
                for _ in 0..<2 {
                    try await call.command("keys-\(sid)") {
                        $0.playDigits.digits = "7"
                        $0.playDigits.streamEpoch = 1
                    }
                }
                _ = try await Self.event("stream-started/\(sid)/101", of: call)
                try await eventually("both are answered") {
                    try await call.events().count { $0.eventID == "telephony/keys-\(sid)" } == 2
                }
                for outcome in try await call.events().filter({ $0.eventID == "telephony/keys-\(sid)" }) {
                    #expect(outcome.telephonyCompleted.error == "unknown")
                }
                try await call.command("hang-up-\(sid)") { $0.hangUp.reason = "test" }
                #expect(try await Self.event("telephony/hang-up-\(sid)", of: call).telephonyCompleted.succeeded)
                try await eventually("all statuses are told") {
                    let told = try await call.events().filter(\.isStatus).map(\.eventID)
                    return Set(told).isSuperset(of: (0...3).map { "status/\(sid)/\($0)" })
                }
                #expect(try twilio.snapshot(call).keysPressed == ["7"])
            }
        }
    }

    @Test func `a machine that answers is known, while the call goes on`() async throws {
        var script = Self.script
        script.answeredBy = "machine_start"
        script.detectionMs = 200
        try await SimulatedTwilio.run(script) { twilio in
            try await twilio.withIngress(ownBroker: try Self.broker.get()) { ingress in
                let call = try await twilio.call(from: ingress)
                let verdict = try await Self.event("machine/\(call.callSid)", of: call).machineDetected
                #expect(verdict.answeredBy == "machine_start" && verdict.detectionMs == 200)
                _ = try await Self.event("stream-started/\(call.callSid)/1", of: call)
                let answer = try await call.control("end", nil)
                #expect(answer.status == 202)
            }
        }
    }

    @Test(arguments: [true, false])
    func `a call to our number is answered, and its end is known, told or not`(_ isTold: Bool) async throws {
        try await SimulatedTwilio.run(Self.script) { twilio in
            try await twilio.withIngress(ownBroker: try Self.broker.get()) { ingress in
                let url = "http://127.0.0.1:\(ingress.port)/api/voice"
                var settings = NumberSettings(voiceURL: "\(url)/twiml")
                if isTold { settings.statusCallback = "\(url)/status" }
                twilio.simulator.setNumberSettings(settings)

                let sid = try twilio.simulator.receiveCall(from: "+15557654321", to: "+15005550006")
                let call = ingress.with(callSid: sid)
                let requested = try await Self.event("requested/\(sid)", of: call).requested
                #expect(requested.direction == "inbound" && requested.phoneNumber == "+15557654321")
                _ = try await Self.event("stream-started/\(sid)/1", of: call)
                try await eventually("the person is heard") { try await call.inboundFrames().count > 10 }
                var speech = SpeechMaker(stream: 1)
                try await call.play(speech.audio("a", ms: 200) + [speech.frame(.endOfItem, "a")])
                try await eventually("the agent is heard") { try twilio.snapshot(call).heardMs == 200 }
                twilio.simulator.hangUp(sid)
                try await eventually("completed") {
                    try await call.events().contains { $0.statusChanged.status == "completed" }
                }
                #expect(try twilio.snapshot(call).problems.isEmpty)
            }
        }
    }
}

extension CallEvent {
    fileprivate var isStatus: Bool { if case .statusChanged = self.body { true } else { false } }
}
