import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct CallStateTests {
    private let sid = Log.callSid

    @Test func `a planned call starts the session with the agent that begins and the call's audio path`() throws {
        let (state, outputs) = Log([.requested]).folded()
        guard case .callPlanned(let plan) = CallEvent.OneOf_Body.planned else { throw Unexpected() }
        #expect(state.phase == .requested)
        #expect(state.agent == "main_concierge")
        #expect(state.request.businessName == "Test Business")
        guard case .command(let command) = try #require(outputs.first) else { throw Unexpected() }
        #expect(outputs.count == 1)
        #expect(command.commandID == "start/\(self.sid)")
        #expect(command.startSession == state.session)
        #expect(command.startSession.audioPath == .pcm24K)
        #expect(command.startSession.agent == plan.agent)
        #expect(state.limits == plan.limits)
    }

    private static let callbacks: [([(String, UInt32)], String, CallPhase)] = [
        ([("ringing", 1), ("in-progress", 2)], "in-progress", .inProgress),
        ([("in-progress", 2), ("ringing", 1), ("initiated", 0)], "in-progress", .inProgress),
        ([("initiated", 0), ("ringing", 1)], "ringing", .ringing),
        ([("completed", 3), ("in-progress", 2)], "completed", .ended),
        ([("ringing", 1), ("busy", 2), ("ringing", 1)], "busy", .ended),
        ([("something-new", 1)], "something-new", .requested),
    ]

    @Test(arguments: Self.callbacks)
    func `callbacks in any order give the phase of the newest`(
        _ callbacks: [(String, UInt32)],
        status: String,
        phase: CallPhase
    ) {
        let state = Log([.requested] + callbacks.map { .status($0.0, $0.1) }).state
        #expect(state.status == status)
        #expect(state.phase == phase)
    }

    @Test func `the end of the call ends the session once`() {
        let log = Log([.requested, .claimed, .status("completed", 3), .status("completed", 3), .status("failed", 9)])
        #expect(log.outputs.map(\.label) == ["start/\(self.sid)", "end/\(self.sid)"])
        #expect(log.state.status == "completed")
        #expect(log.state.endedAtUs == log.events[3].event.occurredAtUs)
    }

    @Test func `callbacks that overtake the request are kept`() {
        var log = Log([.status("ringing", 1)])
        #expect(log.outputs.isEmpty)
        log.add(.requested)
        #expect(log.state.phase == .ringing)
        #expect(log.outputs.map(\.label) == ["start/\(self.sid)"])
    }

    @Test func `a call that ended before its request was seen starts no session`() {
        let log = Log([.status("busy", 1), .requested])
        #expect(log.outputs.isEmpty)
        #expect(log.state.hasRequest)
        #expect(log.state.phase == .ended)
    }

    @Test func `the answer is the first of callback and stream`() {
        var log = Log([.requested])
        let stream = log.add(.stream(1))
        log.add(.status("in-progress", 2))
        #expect(log.state.answeredAtUs == 1_700_000_000_000_000 + stream * 1_000_000)
        #expect(log.state.phase == .inProgress)
    }

    @Test func `an older stream changes nothing`() {
        let state = Log([.requested, .stream(2, partition: 5), .stream(1, partition: 3)]).state
        #expect(state.streamEpoch == 2)
        #expect(state.outboundPartition == 5)
    }

    @Test func `events of a fenced session change nothing`() {
        var log = Log([.requested])
        let old = log.add(.claimed)
        let new = log.add(.claimed)
        log.add(.agent("a1", "from the old one"), session: old)
        log.add(.asks("c1", "extract_quote", #"{"price":1}"#), session: old)
        log.add(.response("r1"), session: old)
        log.add(.agent("a2", "from the new one"))
        #expect(log.state.sessionEpoch == new)
        #expect(log.state.items == ["a2"])
        #expect(!log.state.hasUsage)
        #expect(log.outputs.map(\.label) == ["start/\(self.sid)"])
    }

    @Test func `usage adds up, once for each response`() {
        let state = Log([.requested, .response("r1"), .response("r2"), .response("r1")]).state
        #expect(state.usage.inputAudioTokens == 20)
        #expect(state.usage.outputAudioTokens == 40)
    }

    @Test func `only completed responses answer the person, and never backwards`() {
        let state = Log([
            .requested, .response("r1", answers: (1, 500)), .response("r2", status: "cancelled", answers: (1, 900)),
            .response("r3", answers: (1, 300)),
        ]).state
        #expect(state.answeredThrough.sequence == 500)
    }

    @Test func `a fatal error hangs up once`() {
        let error = CallEvent.OneOf_Body.errorOccurred(
            .with {
                $0.code = "realtime_refused"
                $0.fatal = true
            }
        )
        let log = Log([.requested, .claimed, error, error])
        #expect(log.outputs.map(\.label) == ["start/\(self.sid)", "hang-up/\(self.sid)"])
        #expect(log.state.ending)
        #expect(log.state.endReason == "realtime_refused")
    }

    @Test func `an event of another call is refused`() {
        var state = CallState(callSid: "CAffffffffffffffffffffffffffffffff")
        #expect(state.apply(Log([.requested]).events[0].event, at: 5).isEmpty)
        #expect(!state.hasRequest)
    }

    @Test func `the first offset of a partition counts`() {
        var state = CallState()
        let event = Log([.requested]).events[0].event
        #expect(state.apply(event, at: 0).count == 1)
        #expect(state.apply(event, at: 0).isEmpty)
        #expect(state.appliedOffset == 0)
    }
}

struct Unexpected: Error {}
