import CallEvents
import NIOCore
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing
import TwilioMedia

@testable import TwilioIngress

/// What Twilio tells and asks about calls.
@Suite(.timeLimit(.minutes(2))) struct CallWebhooksTests {
    private static func inbound(_ ingress: Ingress, from number: String = "+15557654321") -> [FormField] {
        [
            FormField("CallSid", ingress.callSid.rawValue), FormField("CallStatus", "ringing"),
            FormField("Direction", "inbound"), FormField("From", number), FormField("To", "+15005550006"),
        ]
    }

    private static func status(_ ingress: Ingress, _ status: String, _ number: Int) -> [FormField] {
        [
            FormField("CallSid", ingress.callSid.rawValue), FormField("CallStatus", status),
            FormField("SequenceNumber", "\(number)"),
        ]
    }

    // MARK: Inbound calls

    @Test func `a call to our number is announced and connected, once however often it is asked for`() async throws {
        try await Ingress.run(
            adjust: { $0.audioPath = .passthrough },
            body: { ingress in
                for _ in 0..<2 {
                    let answer = try await ingress.webhook("/api/voice/twiml", Self.inbound(ingress))
                    #expect(answer.status == 200 && answer.text.contains("<Connect action="))
                }
                let events = try await ingress.events()
                #expect(Set(events.map(\.eventID)) == ["requested/\(ingress.callSid)"])
                let requested = try #require(events.first?.requested)
                #expect(requested.direction == "inbound" && requested.audioPath == .passthrough)
                #expect(requested.requestID == ingress.callSid.rawValue && requested.phoneNumber == "+15557654321")
            }
        )
    }

    @Test(arguments: ["anonymous", "", "client:anna", "sip:anna@example.com", "+266696687"])
    func `a caller may withhold who they are`(_ number: String) async throws {
        try await Ingress.run { ingress in
            let answer = try await ingress.webhook("/api/voice/twiml", Self.inbound(ingress, from: number))
            #expect(answer.status == 200)
            let event = try #require(try await ingress.events().first)
            #expect(event.requested.phoneNumber == (PhoneNumber(number)?.e164 ?? ""))
        }
    }

    @Test func `a call that comes back for its next stream is not announced again`() async throws {
        try await Ingress.run { ingress in
            let path = "/api/voice/twiml?epoch=2&attempt=1&at=\(UnixTime.nowMs)"
            let answer = try await ingress.webhook(path, Self.inbound(ingress))
            #expect(answer.text.contains("epoch=3"))
            #expect(try await ingress.events().isEmpty)
        }
    }

    @Test func `beyond the limit a call finds the line busy, and no call is counted for ever`() async throws {
        try await Ingress.run(
            ownBroker: EmbeddedBroker(),
            adjust: { $0.maxCalls = 1 },
            body: { ingress in
                let first = try await ingress.webhook("/api/voice/twiml", Self.inbound(ingress))
                #expect(first.text.contains("<Connect"))
                let other = ingress.with(callSid: .random())
                let second = try await other.webhook("/api/voice/twiml", Self.inbound(other))
                #expect(second.text.hasSuffix("<Response><Reject reason=\"busy\"/></Response>"))
                #expect(try await other.events().isEmpty)
                // It is connected, and comes back for another stream.
                let again = "/api/voice/twiml?epoch=2&attempt=1&at=\(UnixTime.nowMs)"
                #expect(try await ingress.webhook(again, Self.inbound(ingress)).text.contains("<Connect"))
                let end = try await ingress.webhook("/api/voice/status", Self.status(ingress, "completed", 0))
                #expect(end.status == 204)
                let third = ingress.with(callSid: .random())
                #expect(try await third.webhook("/api/voice/twiml", Self.inbound(third)).text.contains("<Connect"))
            }
        )
    }

    // MARK: Calls under a claim

    @Test(arguments: ["twiml", "status", "amd"])
    func `whichever webhook comes first announces a call whose dialler is gone`(_ route: String) async throws {
        try await Ingress.run { ingress in
            let key = "claim-\(ingress.callSid)"
            try await ingress.claimByInstanceThatIsGone(key) {
                $0.request.businessName = "Müller & Söhne <Auto>"
                $0.request.direction = "outbound-api"
            }
            let fields = Self.status(ingress, "in-progress", 2) + [FormField("AnsweredBy", "human")]
            // The claim is read a moment after it was written.
            try await eventually("announced") {
                let answer = try await ingress.webhook("/api/voice/\(route)?request=\(key)", fields)
                #expect(answer.status < 300)
                return try await ingress.events().contains { $0.eventID == "requested/\(ingress.callSid)" }
            }
            _ = try await ingress.webhook("/api/voice/\(route)?request=\(key)", fields)
            let announced = try await ingress.events().filter { $0.eventID == "requested/\(ingress.callSid)" }
            #expect(announced.map(\.requested.businessName) == ["Müller & Söhne <Auto>"])
            if route == "twiml" {
                let answer = try await ingress.webhook("/api/voice/twiml?request=\(key)", fields)
                #expect(answer.text.contains("&amp;request=\(key)#rc=2"))
            }
        }
    }

    // MARK: What is told

    @Test func `a verdict of the machine detection becomes an event`() async throws {
        try await Ingress.run { ingress in
            let fields = [
                FormField("CallSid", ingress.callSid.rawValue), FormField("AnsweredBy", "machine_end_beep"),
                FormField("MachineDetectionDuration", "3120"),
            ]
            for _ in 0..<2 {
                let answer = try await ingress.webhook("/api/voice/amd", fields)
                #expect(answer.status == 204)
            }
            let events = try await ingress.events()
            #expect(Set(events.map(\.eventID)) == ["machine/\(ingress.callSid)"])
            #expect(events.first?.machineDetected.answeredBy == "machine_end_beep")
            #expect(events.first?.machineDetected.detectionMs == 3_120)
        }
    }

    @Test func `what Twilio says of streams becomes events, errors with their text`() async throws {
        try await Ingress.run { ingress in
            func fields(_ event: String, _ more: FormField...) -> [FormField] {
                [
                    FormField("CallSid", ingress.callSid.rawValue), FormField("StreamSid", PhoneLine.streamSid),
                    FormField("StreamName", "x"), FormField("StreamEvent", event),
                ] + more
            }
            let path = "/api/voice/stream-status?request=claim"
            let error = FormField("StreamError", String(repeating: "é", count: 600))
            for body in [fields("stream-started"), fields("stream-error", error), fields("stream-started")] {
                let answer = try await ingress.webhook(path, body)
                #expect(answer.status == 204)
            }
            let events = try await ingress.events()
            let id = "stream-status/\(ingress.callSid)/\(PhoneLine.streamSid)"
            #expect(events.map(\.eventID) == ["started", "error", "started"].map { "\(id)/stream-\($0)" })
            #expect(events[0].streamStatusChanged.streamSid == PhoneLine.streamSid)
            #expect(events[1].streamStatusChanged.error == String(repeating: "é", count: 500))
            #expect(ingress.twilio.received.isEmpty)
        }
    }

    @Test func `a call that nobody dialled is looked up when its stream stops, until it is over`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(
                .status(200, #"{"status":"in-progress"}"#),
                .status(500, "{}"),
                .status(200, #"{"status":"completed","duration":"17"}"#)
            )
            let answer = try await ingress.webhook(
                "/api/voice/stream-status",
                [
                    FormField("CallSid", ingress.callSid.rawValue), FormField("StreamSid", PhoneLine.streamSid),
                    FormField("StreamEvent", "stream-stopped"),
                ]
            )
            #expect(answer.status == 204)
            #expect(ingress.twilio.received.map(\.method) == ["GET", "GET", "GET"])
            let over = try #require(try await ingress.events().last)
            #expect(over.eventID == "status/\(ingress.callSid)/over")
            #expect(over.statusChanged.status == "completed" && over.statusChanged.durationSeconds == 17)
        }
    }

    @Test(arguments: ["completed", "busy", "failed", "no-answer", "canceled"])
    func `the end of a call closes its stream here, and asks for nothing more`(_ status: String) async throws {
        try await Ingress.run { ingress in
            try await ingress.connect { line in
                try await line.start(token: ingress.token(), callSid: ingress.callSid)
                try await eventually("started") { try await !ingress.events().isEmpty }
                let ended = try await ingress.webhook("/api/voice/status", Self.status(ingress, status, 3))
                #expect(ended.status == 204)
                try await eventually("closed") { line.isClosed }
            }
            #expect(try await ingress.webhook("/api/voice/status", Self.status(ingress, "ringing", 1)).status == 204)
            let twiml = try await ingress.webhook("/api/voice/twiml", Self.status(ingress, status, 3))
            #expect(twiml.text.hasSuffix("<Response><Hangup/></Response>"))
        }
    }
}
