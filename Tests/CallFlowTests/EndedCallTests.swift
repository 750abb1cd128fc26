import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct EndedCallTests {
    private static let sid = Log.callSid

    private static func end(_ reason: String) -> CallEvent.OneOf_Body {
        .endRequested(.with { $0.reason = reason })
    }

    @Test func `a goodbye to a person who does not answer ends the call, whoever has to hang up`() {
        func fired(_ timer: String) -> CallEvent.OneOf_Body { .timerFired(.with { $0.timer = timer }) }
        #expect(!Log([.requested, .claimed, fired(TimerFired.idlePrompt)]).state.ending)
        let log = Log([.requested, .claimed, fired(TimerFired.idlePrompt), fired(TimerFired.idleGoodbye)])
        #expect(log.state.ending && log.state.endReason == "idle")
        #expect(log.outputs.map(\.label) == ["start/\(Self.sid)"])
    }

    @Test func `a requested end is noted, and made sure of once`() {
        let log = Log([.requested, .claimed, .stream(1), Self.end("enough"), Self.end("enough")])
        #expect(log.state.ending)
        #expect(log.state.endReason == "enough")
        #expect(log.outputs.map(\.label) == ["start/\(Self.sid)", "hang-up/\(Self.sid)"])
        #expect(Log([.requested, Self.end("")]).state.endReason == "end_requested")
    }

    @Test func `nothing that comes late changes the end of a call`() {
        let ended = [.requested, .claimed, .stream(1), .status("completed", 3)] as [CallEvent.OneOf_Body]
        let late: [CallEvent.OneOf_Body] = [
            .requested, .status("in-progress", 2), .status("ringing", 9), .status("failed", 10), .stream(2), .claimed,
            Self.end("late"),
            .errorOccurred(
                .with {
                    $0.code = "late"
                    $0.fatal = true
                }
            ),
            .machineDetected(.with { $0.answeredBy = "human" }), .streamStopped(.with { $0.streamEpoch = 2 }),
            .streamStatusChanged(.with { $0.event = "stream-error" }),
            .telephonyCompleted(.with { $0.commandID = "c" }),
            .handoffRequested(.with { $0.toAgent = "x" }), .dtmfReceived(.with { $0.digit = "1" }),
        ]
        let before = Log(ended)
        let after = Log(ended + late)
        #expect(after.outputs == before.outputs)
        #expect(after.state.phase == .ended && after.state.status == "completed")
        #expect(after.state.endReason == before.state.endReason && after.state.endedAtUs == before.state.endedAtUs)
        #expect(after.state.ending == before.state.ending)
    }
}
