import CallEvents
import NIOCore
import OpenAIRealtime
import Testing

@Suite struct `A conversation's audio` {
    @Test func `waits for the model, then goes to it in order, once`() {
        var call = Call()
        call.start()
        #expect(call.actions == [.connect])
        call.hear(3)
        #expect(call.appended.isEmpty)
        call.model(.opened(ModelSession(id: "s", model: "m")))
        #expect(call.commands == [.configure(Call.start().agent, format: .pcmu)])
        call.model(.configured(ModelSession(id: "s", model: "m", expiresAt: 42)))
        #expect(call.appended == [0, 1, 2])
        guard case .sessionReady(let ready)? = call.events.first?.body else {
            Issue.record("no session_ready")
            return
        }
        #expect(ready.expiresAt == 42 && !ready.restored)
        #expect(call.events.first?.sessionEpoch == 7)
        call.frame(Call.frame(2))
        call.frame(Call.frame(3))
        #expect(call.appended == [0, 1, 2, 3])
        #expect(call.drops == [.repeated])
    }

    @Test func `is kept for 15 seconds, and the oldest is dropped and counted`() {
        var call = Call()
        call.start()
        call.hear(760)
        #expect(call.drops == Array(repeating: .overflow, count: 10))
        call.connect()
        #expect(call.appended.count == 750)
        #expect(call.appended.first == 10)
    }

    @Test func `of an older stream is dropped, of a newer one starts afresh`() {
        var call = Call.ready()
        call.frame(Call.frame(5, stream: 2))
        call.frame(Call.frame(6, stream: 1))
        call.frame(Call.frame(0, stream: 3))
        #expect(call.drops == [.oldStream])
        #expect(call.appended == [5, 0])
    }

    @Test func `in another codec or of another length than 20 ms is refused`() {
        var call = Call.ready(.pcm24K)
        call.frame(Call.frame(0, codec: .pcmu))
        var short = Call.frame(1, codec: .pcm24k)
        short.payload = ByteBuffer(repeating: 0, count: 959)
        call.frame(short)
        #expect(call.drops == [.unreadable, .unreadable])
        call.frame(Call.frame(2, codec: .pcm24k))
        #expect(call.appended == [2])
    }

    @Test(arguments: [(AudioPath.passthrough, 8), (.pcm24K, 48)])
    func `of the agent is cut into 20 ms, filled up at the item's end, and marked there`(
        _ path: AudioPath,
        bytesPerMs: Int
    ) throws {
        var call = Call.ready(path)
        call.hear(1, codec: path == .passthrough ? .pcmu : .pcm24k)
        call.turn("u1", frames: 0)
        call.forget()
        call.model(.responseStarted(responseID: "r1"))
        call.speak("a1", in: "r1", ms: 33, bytesPerMs: bytesPerMs)
        #expect(call.played.count == 1)
        call.speak("a1", in: "r1", ms: 12, bytesPerMs: bytesPerMs)
        #expect(call.played.count == 2)
        call.model(.audioEnded(responseID: "r1", itemID: "a1"))
        #expect(call.played.map(\.sequence) == [0, 1, 2, 3])
        #expect(call.played.map(\.control) == [.none, .none, .none, .endOfItem])
        #expect(call.played.allSatisfy { $0.itemID == "a1" && $0.sessionEpoch == 7 && $0.playoutEpoch == 0 })
        #expect(call.played.allSatisfy { $0.streamEpoch == 1 && $0.outboundPartition == 3 })
        let payloads = call.played.map(\.payload)
        #expect(payloads.map(\.readableBytes) == [20, 20, 20, 0].map { $0 * bytesPerMs })
        let last = try #require(payloads[2].getBytes(at: 0, length: 20 * bytesPerMs))
        let silence: UInt8 = path == .passthrough ? 0xff : 0
        #expect(
            last == Array(repeating: 0x55, count: 5 * bytesPerMs) + Array(repeating: silence, count: 15 * bytesPerMs)
        )
    }

    @Test func `goes to a new stream again from what was played, under new numbers`() {
        var call = Call.ready()
        call.hear()
        call.turn("u1", frames: 0)
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.hear(1, playout: playout("a1", 45))
        call.forget()
        call.restartSequence()
        call.hear(1, stream: 2)
        #expect(call.played.map(\.sequence) == [6, 7, 8, 9])
        #expect(call.played.map(\.control) == [.none, .none, .none, .endOfItem])
        #expect(call.played.allSatisfy { $0.streamEpoch == 2 && $0.playoutEpoch == 0 && $0.itemID == "a1" })
        // The new stream counts from its own beginning of the item.
        call.hear(1, playout: playout("a1", 20), stream: 2)
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 9000))
        #expect(call.commands == [.truncate(itemID: "a1", contentIndex: 0, playedMs: 60)])
    }

    @Test func `of a reply that was said before there is a stream waits for it`() {
        var call = Call.ready()
        call.command(.say(.init()))
        call.reply("a1", in: "r1", ms: 40)
        call.finish("a1", in: "r1")
        #expect(call.played.isEmpty)
        call.hear()
        #expect(call.played.map(\.control) == [.none, .none, .endOfItem])
        #expect(call.played.map(\.sequence) == [0, 1, 2])
    }
}
