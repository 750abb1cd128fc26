import CallEvents
import Kafka
import NIOCore
import StageRuntime
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

@Suite(.timeLimit(.minutes(2))) struct MediaStreamTests {
    @Test func `caller audio becomes gapless frames on the way to the transcoder`() async throws {
        try await Ingress.run { ingress in
            try await ingress.connect { line in
                // At once: a line that says nothing is silent after half a second.
                try await line.start(token: ingress.token(), callSid: ingress.callSid)
                for (index, at) in [UInt64(62), 82, 142, 162].enumerated() {
                    try await line.speak(UInt8(index + 1), atMs: at)
                }
                try await line.send(.dtmf(digit: "5"))
                try await line.send(.stop(accountSid: Ingress.accountSid, callSid: ingress.callSid.rawValue))
            }
            let silence = ByteBuffer(repeating: 0xff, count: 160)
            let all = try await eventually("six frames") {
                let frames = try await ingress.inboundFrames()
                return frames.drop { $0.payload == silence }.count >= 6 ? frames : nil
            }
            #expect(all.map(\.sequence) == (0..<UInt64(all.count)).map { $0 })
            let frames = Array(all.drop { $0.payload == silence })
            let first = try #require(frames.first)
            #expect(frames.map { $0.timestampMs - first.timestampMs } == [0, 20, 40, 60, 80, 100])
            #expect(first.timestampMs >= 62)
            let values = frames.map { $0.payload.getInteger(at: $0.payload.readerIndex, as: UInt8.self) }
            #expect(values == [1, 2, 0xff, 0xff, 3, 4])
            for frame in frames {
                #expect(frame.codec == .pcmu && frame.payload.readableBytes == 160)
                #expect(frame.streamEpoch == 1 && frame.outboundPartition == ingress.outboundPartition)
                #expect(frame.playout == nil && abs(frame.receivedAtUs - UnixTime.nowUs) < 60_000_000)
            }
            let events = try await eventually("the stream's events") {
                let events = try await ingress.events()
                return events.count >= 3 ? events : nil
            }
            let sid = ingress.callSid.rawValue
            #expect(events.map(\.eventID) == ["stream-started/\(sid)/1", "dtmf/\(sid)/1/0", "stream-stopped/\(sid)/1"])
            #expect(events[0].streamStarted.streamSid == PhoneLine.streamSid)
            #expect(events[0].streamStarted.outboundPartition == ingress.outboundPartition)
            #expect(events[0].streamStarted.ingressInstance == ingress.instanceID)
            #expect(events[1].dtmfReceived.digit == "5")
            #expect(events[2].streamStopped.reason == "stop")
        }
    }

    @Test func `on passthrough caller audio goes straight to the session`() async throws {
        try await Ingress.run(
            adjust: { $0.audioPath = .passthrough },
            body: { ingress in
                try await ingress.call { line in
                    try await line.speak(1, atMs: 0)
                    try await eventually("a frame") { try await ingress.heardFrames(.audioInboundModel).count == 1 }
                }
                #expect(try await ingress.inboundFrames(.audioInboundPhone).isEmpty)
            }
        )
    }

    @Test func `outbound audio is played with marks, and what they prove is stamped on caller audio`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                var speech = SpeechMaker()
                try await ingress.play(speech.audio("a", ms: 240) + [speech.frame(.endOfItem, "a")])
                try await eventually("audio and marks") { line.audio.count == 12 && line.marks.count == 3 }
                #expect(line.audio.allSatisfy { $0 == ByteBuffer(repeating: 7, count: 160) })
                let isMark = line.commands.map { if case .mark = $0 { true } else { false } }
                #expect(isMark.indices.filter { isMark[$0] } == [5, 11, 14])

                for mark in line.marks { try await line.send(.mark(name: mark)) }
                try await line.speak(1, atMs: 0)
                let frame = try await eventually("a frame") { try await ingress.heardFrames().first }
                #expect(frame.playout == .init(itemID: "a", playedMs: 240))
            }
        }
    }

    @Test func `a barge-in clears once, and only what comes after it plays`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                var speech = SpeechMaker()
                try await ingress.play(speech.audio("a", ms: 100))
                try await eventually("audio") { line.audio.count == 5 && line.marks.count == 1 }
                let late = speech.audio("a", ms: 100)
                speech.playout = 1
                let clear = speech.frame(.clear)
                try await ingress.play([clear, clear] + late + speech.audio("b", ms: 100) + [clear])
                try await eventually("the second item") { line.marks.count == 2 }
                #expect(line.audio.count == 10)
                #expect(line.commands.filter { $0 == .clear }.count == 1)
                #expect(line.commands[6] == .clear)
            }
        }
    }

    @Test func `the call is ended when the goodbye was played`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                var speech = SpeechMaker()
                try await ingress.play(
                    // Long, so that nobody gives up waiting for it on a busy machine.
                    speech.audio("bye", ms: 20_000) + [speech.frame(.endOfItem, "bye"), speech.frame(.hangUp)]
                )
                try await eventually("marks") { line.marks.count == 201 }
                try await line.send(.mark(name: line.marks[0]))
                try await line.speak(1, atMs: 0)
                try await eventually("the mark was read") { try await ingress.heardFrames().count == 1 }
                #expect(ingress.twilio.received.isEmpty)
                ingress.twilio.willAnswer(.status(503, ""), .status(429, #"{"code":20429}"#))
                try await line.send(.mark(name: line.marks[200]))
                try await eventually("hung up") { ingress.twilio.received.count == 3 }
                let request = try #require(ingress.twilio.received.first)
                #expect(request.path == "/2010-04-01/Accounts/\(Ingress.accountSid)/Calls/\(ingress.callSid).json")
                #expect(request.form == FormFields([FormField("Status", "completed")]))
            }
        }
    }

    @Test(arguments: [(404, 20_404), (400, 21_220)])
    func `a call that is over needs no second attempt`(_ status: Int, _ code: Int) async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(.status(status, #"{"code":\#(code),"message":"over"}"#))
            try await ingress.call { line in
                var speech = SpeechMaker()
                try await ingress.play([speech.frame(.hangUp)])
                try await eventually("a mark") { line.marks.count == 1 }
                try await line.send(.mark(name: line.marks[0]))
                try await eventually("hung up") { ingress.twilio.received.count == 1 }
                try await line.send(.stop(accountSid: "", callSid: ""))
                try await eventually("closed") { line.isClosed }
            }
            try await eventually("stopped") { try await ingress.events().last?.streamStopped.reason == "stop" }
            #expect(ingress.twilio.received.count == 1)
        }
    }

    @Test func `a goodbye that never plays is given up after its length and five seconds`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                var speech = SpeechMaker()
                try await ingress.play(speech.audio("bye", ms: 100) + [speech.frame(.hangUp)])
                let start = ContinuousClock.now
                try await eventually("hung up") { ingress.twilio.received.count == 1 }
                #expect(ContinuousClock.now - start > .seconds(4))
            }
        }
    }

    @Test func `a lost socket does not end the call, and the next stream goes on`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                var speech = SpeechMaker()
                try await ingress.play(speech.audio("bye", ms: 100) + [speech.frame(.hangUp)])
                try await eventually("marks") { line.marks.count == 2 }
                line.socket.abort()
                try await eventually("closed") { line.isClosed }
            }
            try await eventually("stopped") {
                try await ingress.events().contains { $0.eventID.hasPrefix("stream-stopped/") }
            }
            #expect(ingress.twilio.received.isEmpty)
            try await ingress.call(epoch: 2) { line in
                var old = SpeechMaker(stream: 1)
                var speech = SpeechMaker(stream: 2)
                speech.session = 6
                try await ingress.play(old.audio("bye", ms: 40) + speech.audio("bye", ms: 100))
                try await eventually("audio") { line.marks.count == 1 }
                #expect(line.audio.count == 5)
                try await line.speak(9, atMs: 0)
                let frames = try await eventually("a frame") {
                    let frames = try await ingress.inboundFrames()
                    return frames.contains { $0.payload == ByteBuffer(repeating: 9, count: 160) } ? frames : nil
                }
                let second = frames.filter { $0.streamEpoch == 2 }
                #expect(second.map(\.sequence) == (0..<UInt64(second.count)).map { $0 })
            }
        }
    }

    @Test func `a later stream of the call takes the place of the one before`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call(epoch: 1) { first in
                try await ingress.call(epoch: 2) { second in
                    try await eventually("the first is closed") { first.isClosed }
                    var speech = SpeechMaker(stream: 2)
                    try await ingress.play(speech.audio("a", ms: 100))
                    try await eventually("audio") { second.marks.count == 1 }
                }
            }
        }
    }

    @Test func `an unreadable record is put aside and playing goes on`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                let producer = try KafkaProducer(.events, configuration: ingress.broker.configuration(), logger: .quiet)
                try await producer.deliver([ingress.outbound(ByteBuffer(string: "\u{1}garbage"))])
                var speech = SpeechMaker()
                try await ingress.play(speech.audio("a", ms: 100))
                try await eventually("audio") { line.marks.count == 1 }
            }
            let partition = KeyPartition.of(ingress.callSid.rawValue, count: ingress.topics.partitions)
            let aside = try await ingress.broker.records(in: ingress.topics[.deadLetters], partition: partition)
            #expect(aside.map(\.value) == [ByteBuffer(string: "\u{1}garbage")])
            #expect(aside[0].headers.contains(KafkaHeader("stage", ByteBuffer(string: "twilio-ingress"))))
        }
    }

    @Test func `a graceful shutdown ends open streams and says so`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                try await ingress.stage.stop()
                try await eventually("closed") { line.isClosed }
                #expect(line.closeCode == 1001)
            }
            try await eventually("stopped") { try await ingress.events().last?.streamStopped.reason == "drained" }
        }
    }
}
