import AsyncHTTPClient
import CallEvents
import JSON
import NIOCore
import NIOHTTP1
import Speech
import TestSupport
import Testing
import TwilioSimulator

/// Somebody calls our number, and the whole system answers.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct InboundCallTests {
    @Test func `a person who calls us is greeted first, and the call's end is known`() async throws {
        try await PhoneWorld.run { world in
            var settings = NumberSettings(voiceURL: world.stack.publicURL + "/api/voice/twiml")
            settings.statusCallback = world.stack.publicURL + "/api/voice/status"
            world.twilio.setNumberSettings(settings)

            // Says nothing before the agent has spoken.
            let port = try await world.twilio.waitForPort()
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/control/calls")
            request.method = .POST
            request.body = .bytes(
                ByteBuffer(
                    string: #"""
                        {"from": "\#(PhoneWorld.phoneNumber)", "to": "+15550001111",
                         "script": {"turns": [{"when": "agentFinished", "say": "goodbye"}]}}
                        """#
                )
            )
            let answer = try await world.execute(request)
            #expect(answer.status == 201, "\(answer.body.text)")
            let sid = try #require(answer.body["sid"]?.stringValue.flatMap { CallSid($0) })

            try await eventually("the call completes", timeout: .seconds(90), detail: world.story(of: sid)) {
                world.twilio.call(sid)?.details.status == .completed
            }
            #expect(world.twilio.call(sid)?.problems == [], "\(world.story(of: sid))")
            try await eventually("the read API knows the end", timeout: .seconds(30)) {
                try await world.status(of: sid)["status"] == "completed"
            }
            let transcript = try #require(try await world.status(of: sid)["transcript"]?.arrayValue)
            #expect(transcript.compactMap { $0["speaker"]?.stringValue } == ["agent", "person", "agent"])
            let texts = ["ask", "goodbye", "bye"].compactMap { Speech.utterance($0)?.text }
            #expect(transcript.compactMap { $0["text"]?.stringValue } == texts)
            let requested = try await world.events(of: sid).map(\.requested).filter { $0.direction == "inbound" }
            #expect(requested.map(\.phoneNumber) == [PhoneWorld.phoneNumber])
        }
    }
}
