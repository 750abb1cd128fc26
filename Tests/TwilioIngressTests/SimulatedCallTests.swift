import CallEvents
import JSON
import Kafka
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import TwilioSimulator

@testable import TwilioIngress

/// Whole calls against the simulator, which is as strict as Twilio.
@Suite(.timeLimit(.minutes(2))) struct SimulatedCallTests {
    @Test func `a call is heard, spoken to, survives a lost socket and is hung up`() async throws {
        var script = CallScript()
        script.answerAfterMs = 50
        script.turns = [.init(.atOnce, say: "greeting")]
        try await SimulatedTwilio.run(script) { twilio in
            try await twilio.withIngress { ingress in
                let call = try await twilio.call(from: ingress)
                let callSid = call.callSid
                try await eventually("the first stream") {
                    try await call.events().contains { $0.eventID == "stream-started/\(callSid)/1" }
                }
                var speech = SpeechMaker(stream: 1)
                try await call.play(speech.audio("a", ms: 400) + [speech.frame(.endOfItem, "a")])
                let heard = { try await call.inboundFrames().filter { $0.streamEpoch == 1 } }
                try await eventually("all of it was played") {
                    let frames = try await heard()
                    return frames.count > 50 && frames.last?.playout == .init(itemID: "a", playedMs: 400)
                }
                twilio.simulator.dropStream(of: callSid)
                try await eventually("the second stream") {
                    try await call.events().contains { $0.eventID == "stream-started/\(callSid)/2" }
                }
                let first = try await heard()
                #expect(first.map(\.sequence) == (0..<UInt64(first.count)).map { $0 } && first.count > 50)
                #expect(first.last?.playout == .init(itemID: "a", playedMs: 400))
                #expect(first.contains { $0.payload != ByteBuffer(repeating: 0xff, count: 160) })

                var goodbye = SpeechMaker(stream: 2)
                goodbye.session = 6
                try await call.play(
                    goodbye.audio("bye", ms: 200) + [goodbye.frame(.endOfItem, "bye"), goodbye.frame(.hangUp)]
                )
                try await eventually("completed") {
                    try await call.events().contains { $0.statusChanged.status == "completed" }
                }
                let ids = try await call.events().map(\.eventID)
                #expect(Set(ids).count == ids.count, "\(ids)")
                // Twilio may tell of the call before its REST answer is here.
                #expect(ids.contains("requested/\(callSid)"))
                for id in ["stream-stopped/\(callSid)/1", "stream-stopped/\(callSid)/2"] { #expect(ids.contains(id)) }
                for number in 0...3 { #expect(ids.contains("status/\(callSid)/\(number)")) }
                let snapshot = try twilio.snapshot(call)
                #expect(snapshot.details.status == .completed)
                #expect(snapshot.heardMs == 600)
                #expect(snapshot.problems.allSatisfy { $0 == 31_921 })
            }
        }
    }

    @Test func `a call whose socket goes dead is connected again, and goes on`() async throws {
        var script = CallScript()
        script.answerAfterMs = 50
        script.turns = [.init(.atOnce, say: "greeting"), .init(.agentFinished, say: "price")]
        script.faults.muteSocketAtMs = [1_500]
        try await SimulatedTwilio.run(script) { twilio in
            // Long enough for a machine that is busy with other tests.
            try await twilio.withIngress(adjust: { $0.streamSilence = .seconds(4) }) { ingress in
                let call = try await twilio.call(from: ingress)
                let callSid = call.callSid
                try await eventually("the socket is dead") {
                    try twilio.snapshot(call).events.contains(.fault("socket muted"))
                }
                let ids = try await eventually("the second stream", timeout: .seconds(60)) {
                    let ids = try await call.events().map(\.eventID)
                    return ids.contains("stream-started/\(callSid)/2") ? ids : nil
                }
                // The call was looked up meanwhile: it is not over.
                #expect(!ids.contains("status/\(callSid)/3"))
                try await eventually("the first is over") {
                    try await call.events().first { $0.eventID == "stream-stopped/\(callSid)/1" }?.streamStopped.reason
                        == "closed"
                }
                var speech = SpeechMaker(stream: 2)
                try await call.play(speech.audio("a", ms: 400) + [speech.frame(.endOfItem, "a")])
                try await eventually("the person is heard again") {
                    try await call.inboundFrames().contains {
                        $0.streamEpoch == 2 && $0.payload != ByteBuffer(repeating: 0xff, count: 160)
                    }
                }
                let answer = try await call.control("end", nil)
                #expect(answer.status == 202)
                try await eventually("completed") {
                    try await call.events().contains { $0.statusChanged.status == "completed" }
                }
                let snapshot = try twilio.snapshot(call)
                #expect(snapshot.heardMs == 400)
                #expect(snapshot.problems.allSatisfy { [31_903, 31_921].contains($0) }, "\(snapshot.problems)")
            }
        }
    }
}
