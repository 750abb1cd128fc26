import CallEvents
import Kafka
import NIOCore
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

/// What the ingress does about lines that say nothing, sockets that are dead, and peers that read or send too much.
@Suite(.timeLimit(.minutes(2))) struct MediaStreamCareTests {
    private static let silence = ByteBuffer(repeating: 0xff, count: 160)

    @Test func `a line that says nothing is silent in real time, and what it says later is not lost`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                try await line.speak(1, atMs: 0)
                try await line.speak(2, atMs: 20)
                let frames = try await eventually("silence") {
                    let frames = try await ingress.inboundFrames()
                    let made = frames.drop { $0.payload != ByteBuffer(repeating: 2, count: 160) }
                    return made.count > 30 ? frames : nil
                }
                #expect(frames.map(\.sequence) == (0..<UInt64(frames.count)).map { $0 })
                // After half a second of patience, and no faster than the clock.
                let spoken = try #require(frames.last { $0.payload != Self.silence })
                let made = frames.drop { $0.sequence <= spoken.sequence }
                for (count, frame) in made.enumerated() {
                    #expect(frame.payload == Self.silence)
                    #expect(frame.receivedAtUs - spoken.receivedAtUs >= 500_000 + Int64(count + 1) * 20_000)
                }
                // Held up by the network: behind the silence, whatever its timestamp.
                try await line.speak(3, atMs: 40)
                try await eventually("the late audio") {
                    try await ingress.heardFrames().last?.payload == ByteBuffer(repeating: 3, count: 160)
                }
            }
            let sequence = try await ingress.inboundFrames().map(\.sequence)
            #expect(sequence == (0..<UInt64(sequence.count)).map { $0 })
        }
    }

    @Test func `both ends' levels are told as they are on the phone`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                var speech = SpeechMaker()
                // All at once; Twilio plays it in real time, and acknowledges nothing here.
                try await ingress.play(speech.audio("a", ms: 4_000))
                try await eventually("audio") { line.audio.count == 200 }
                for index in 0..<60 as Range<UInt64> { try await line.speak(0x10, atMs: index * 20) }
                try await eventually("levels") {
                    let levels = try await Self.levels(ingress)
                    return levels.contains { $0.inboundDbfs > -20 } && levels.contains { $0.outboundDbfs > -10 }
                }
                for mark in line.marks { try await line.send(.mark(name: mark)) }
                try await eventually("silence at both ends") {
                    let last = try await Self.levels(ingress).last
                    return last?.inboundDbfs == -96 && last?.outboundDbfs == -96
                }
            }
        }
    }

    @Test func `a peer that says nothing but answers pings is kept`() async throws {
        // Long enough for a machine that is busy with other tests.
        try await Self.listening(for: .seconds(8)) { ingress in
            try await ingress.call { line in
                try await eventually("nine seconds of silence") { try await ingress.inboundFrames().count > 425 }
                #expect(!line.isClosed)
            }
            #expect(ingress.twilio.received.isEmpty)
        }
    }

    @Test func `a dead socket of a live call is closed, so that Twilio asks for TwiML again`() async throws {
        try await Self.listening(for: .milliseconds(600)) { ingress in
            ingress.twilio.willAnswer(.status(200, #"{"status":"in-progress","duration":null}"#))
            let connection = try await ingress.rawCall()
            try await eventually("closed") { connection.isClosed }
            // Asked for a sign of life first, then told why.
            #expect(connection.messages.contains(""))
            try await eventually("stopped") { try await ingress.events().contains { $0.hasStopped("closed") } }
            #expect(try await !ingress.events().contains { $0.eventID.hasPrefix("status/") })
            #expect(ingress.twilio.received.map(\.path).allSatisfy { $0.hasSuffix("/\(ingress.callSid).json") })
        }
    }

    @Test func `a dead socket of a call that is over says so as its status callback would`() async throws {
        try await Self.listening(for: .milliseconds(600)) { ingress in
            ingress.twilio.willAnswer(.status(200, #"{"status":"completed","duration":"17"}"#))
            let connection = try await ingress.rawCall()
            try await eventually("closed") { connection.isClosed }
            let event = try await eventually("the call's end") {
                try await ingress.events().first { $0.eventID == "status/\(ingress.callSid)/3" }
            }
            #expect(event.statusChanged.status == "completed" && event.statusChanged.durationSeconds == 17)
            try await eventually("stopped") { try await ingress.events().contains { $0.hasStopped("closed") } }
        }
    }

    @Test func `a dead socket is closed also when Twilio cannot be asked`() async throws {
        try await Self.listening(for: .milliseconds(600)) { ingress in
            ingress.twilio.willAnswer(.status(503, ""))
            let connection = try await ingress.rawCall()
            try await eventually("closed") { connection.isClosed }
        }
    }

    @Test func `a clear overtakes minutes of audio at a peer that reads nothing`() async throws {
        // It answers no pings either.
        try await Self.listening(for: .seconds(600)) { ingress in
            let connection = try await ingress.rawCall(receiveBuffer: 8 << 10)
            try await eventually("started") { try await ingress.events().first?.hasStreamStarted == true }
            try await connection.read(false)
            var speech = SpeechMaker()
            try await ingress.play(speech.audio("a", ms: 100_000))
            speech.playout = 1
            try await ingress.play([speech.frame(.clear)] + speech.audio("b", ms: 100))
            // The stream's own position tells that the clear was consumed: what plays now is the new item.
            try await eventually("consumed") {
                try await ingress.inboundFrames().last?.playout?.itemID == "b"
            }
            try await connection.read(true)
            try await eventually("the clear and what comes after it") {
                connection.messages.count { $0.contains(#""event":"mark""#) } > 0
                    && connection.messages.last?.contains(#""event":"mark""#) == true
                    && connection.messages.contains { $0.contains(#""event":"clear""#) }
            }
            let messages = connection.messages.filter { $0.hasPrefix("{") }
            let clears = messages.indices.filter { messages[$0].contains(#""event":"clear""#) }
            let clear = try #require(clears.first)
            #expect(clears.count == 1)
            // What both kernels held: of the 5,000 frames, less than two seconds' worth and what they double.
            #expect(messages[..<clear].count { $0.contains(#""event":"media""#) } < 350)
            #expect(messages[clear...].count { $0.contains(#""event":"media""#) } == 5)
            await connection.close()
        }
    }

    @Test func `a peer that floods is closed, and its neighbour does not notice`() async throws {
        try await Ingress.run { ingress in
            let neighbour = ingress.with(callSid: .random())
            try await neighbour.call { line in
                try await ingress.call { flooding in
                    let text = ByteBuffer(string: #"{"event":"news"}"#)
                    try? await flooding.socket.send(texts: Array(repeating: text, count: 10_000))
                    try await eventually("closed") { flooding.isClosed }
                    #expect(flooding.closeCode == 1008)
                }
                try await line.speak(1, atMs: 0)
                try await eventually("heard") { try await neighbour.heardFrames().count == 1 }
                #expect(!line.isClosed)
            }
        }
    }

    @Test func `keys are events in their order, and no key of a phone is none`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                for digit in ["1", "#", "x", "12", "", "*"] { try await line.send(.dtmf(digit: digit)) }
                let events = try await eventually("three keys") {
                    let events = try await ingress.events().filter { $0.eventID.hasPrefix("dtmf/") }
                    return events.count == 3 ? events : nil
                }
                #expect(events.map(\.dtmfReceived.digit) == ["1", "#", "*"])
                #expect(events.map(\.eventID) == (0..<3).map { "dtmf/\(ingress.callSid)/1/\($0)" })
            }
        }
    }

    /// An ingress that lets sockets be silent for `silence`.
    private static func listening(for silence: Duration, body: (Ingress) async throws -> Void) async throws {
        try await Ingress.run(adjust: { $0.streamSilence = silence }, body: body)
    }

    private static func levels(_ ingress: Ingress) async throws -> [AudioLevels] {
        try await ingress.broker.records(
            in: ingress.topics[.live],
            partition: KeyPartition.of(ingress.callSid.rawValue, count: ingress.topics.partitions)
        )
        .filter { $0.key == ByteBuffer(string: ingress.callSid.rawValue) }
        .map { record in
            let value = record.value ?? ByteBuffer()
            return try LiveUpdate(serializedBytes: Array(value.readableBytesView)).levels
        }
    }
}

extension CallEvent {
    fileprivate var hasStreamStarted: Bool {
        if case .streamStarted = self.body { true } else { false }
    }

    fileprivate func hasStopped(_ reason: String) -> Bool {
        if case .streamStopped(let stopped) = self.body { stopped.reason == reason } else { false }
    }
}
