import NIOCore
import Testing
import TwilioSimulator

/// The person on the phone, frame by frame: `hello` lasts 10 frames, the agent has finished after 5 silent ones.
struct BusinessTests {
    private struct Line {
        var business: Business
        var events: [Business.Event] = []

        init(_ turns: [CallScript.Turn], configure: (inout CallScript) -> Void = { _ in }) throws {
            var script = CallScript.quick(turns)
            configure(&script)
            self.business = try Business(script) { $0 == "hello" ? ByteBuffer(repeating: 0x11, count: 1600) : nil }
            self.business.streamStarted()
        }

        /// - Returns: how many of the frames had speech.
        @discardableResult
        mutating func pass(_ frames: Int, agent: Bool = false) -> Int {
            (0..<frames).count { _ in self.business.tick(agentIsHeard: agent, events: &self.events) != nil }
        }

        var began: Int { self.events.count { $0 == .began(utterance: "hello") } }
    }

    @Test func `speaks at once, and next when the agent has finished`() throws {
        var line = try Line([.init(.atOnce, say: "hello"), .init(.agentFinished, afterMs: 40, say: "hello")])
        #expect(line.pass(10) == 10)
        #expect(line.events == [.began(utterance: "hello"), .ended(utterance: "hello")])
        // Silence alone is no turn of the agent.
        #expect(line.pass(100) == 0)
        #expect(line.pass(20, agent: true) == 0)
        // A pause in the middle of it is none either.
        #expect(line.pass(4) == 0)
        #expect(line.pass(20, agent: true) == 0)
        #expect(line.pass(6) == 0)
        #expect(line.pass(10) == 10)
        #expect(line.business.isDone)
    }

    @Test func `interrupts after so long, or when a short agent has finished`() throws {
        let turns = [CallScript.Turn(.agentSpeaking, afterMs: 200, say: "hello")]
        var long = try Line(turns)
        #expect(long.pass(10, agent: true) == 0)
        #expect(long.pass(10, agent: true) == 10)
        var short = try Line(turns)
        short.pass(3, agent: true)
        #expect(short.pass(4) == 0)
        #expect(short.pass(10) == 10)
    }

    @Test func `what the agent said before a turn does not count after it`() throws {
        var line = try Line([.init(.agentSpeaking, say: "hello"), .init(.agentFinished, say: "hello")])
        line.pass(1, agent: true)
        line.pass(9, agent: false)
        line.pass(50)
        #expect(line.began == 1)
        line.pass(1, agent: true)
        line.pass(5)
        #expect(line.began == 2)
    }

    @Test func `repeats what a dead line cut off, when the line is back and the agent quiet`() throws {
        var line = try Line([.init(.atOnce, say: "hello")])
        line.pass(6)
        #expect(line.business.streamEnded(agentWasCut: false) == .cut(utterance: "hello"))
        line.business.streamStarted()
        #expect(line.pass(9) == 0)
        #expect(line.pass(10) == 10)
        #expect(line.began == 2 && line.business.isDone)

        var talking = try Line([.init(.atOnce, say: "hello")])
        talking.pass(6)
        _ = talking.business.streamEnded(agentWasCut: false)
        talking.business.streamStarted()
        #expect(talking.pass(30, agent: true) == 0)
        #expect(talking.pass(4) == 0)
        #expect(talking.pass(10) == 10)
    }

    @Test func `waits for an agent that was cut off to go on, but not for ever`() throws {
        var line = try Line([.init(.agentFinished, say: "hello")]) { $0.patienceMs = 1000 }
        line.pass(10, agent: true)
        #expect(line.business.streamEnded(agentWasCut: true) == nil)
        line.business.streamStarted()
        #expect(line.pass(49) == 0)
        #expect(line.pass(10) == 10)

        var resumed = try Line([.init(.agentFinished, say: "hello")]) { $0.patienceMs = 1000 }
        resumed.pass(10, agent: true)
        _ = resumed.business.streamEnded(agentWasCut: true)
        resumed.business.streamStarted()
        resumed.pass(10, agent: true)
        #expect(resumed.pass(4) == 0)
        #expect(resumed.pass(10) == 10)
    }

    @Test func `says it again when nobody answers, three times at most`() throws {
        var line = try Line([.init(.atOnce, say: "hello"), .init(.agentFinished, say: "hello")]) {
            $0.repeatAfterMs = 400
        }
        line.pass(1000)
        #expect(line.began == 4)
    }

    @Test func `presses keys and hangs up`() throws {
        var line = try Line([.init(.atOnce, dtmf: "12"), .init(.atOnce, afterMs: 100, hangUp: true)])
        line.pass(3)
        #expect(line.events == [.pressed(digits: "12")])
        line.pass(5)
        #expect(line.events == [.pressed(digits: "12"), .hungUp])
    }
}
