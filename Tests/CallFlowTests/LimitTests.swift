import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct LimitTests {
    private static let sid = Log.callSid
    private static let start: Int64 = 1_700_000_000_000_000

    /// A call that was answered at second 100; its limit is 180 s with 20 s to come to an end.
    private static func answered(_ change: (inout CallLimits) -> Void = { _ in }) -> Log {
        var log = Log()
        log.add(.requested, atUs: Self.start, limits: change)
        log.add(.claimed)
        log.add(.stream(1), atUs: Self.start + 100_000_000)
        return log
    }

    private static func fired(_ timer: String) -> CallEvent.OneOf_Body { .timerFired(.with { $0.timer = timer }) }

    private static func second(_ second: Int64) -> Int64 { Self.start + second * 1_000_000 }

    @Test func `a long call is wound down with words, then ended`() throws {
        var log = Self.answered()
        #expect(log.state.timers.map(\.name) == [TimerFired.windDown])
        #expect(log.state.timers.map(\.dueAtUs) == [Self.second(260)])
        log.add(Self.fired(TimerFired.windDown), atUs: Self.second(261))
        guard case .command(let command) = try #require(log.outputs.last) else { throw Unexpected() }
        #expect(command.say.instructions.contains("20 seconds"))
        #expect(log.state.timers.map(\.name) == [TimerFired.limit])
        log.add(Self.fired(TimerFired.limit), atUs: Self.second(281))
        #expect(log.outputs.last?.label == "hang-up/\(Self.sid)")
        #expect(log.state.endReason == "max_call_seconds")
        #expect(log.state.timers.isEmpty)
    }

    @Test func `what is not due, or was, is passed over`() {
        var log = Self.answered()
        log.add(Self.fired(TimerFired.windDown), atUs: Self.second(200))
        log.add(Self.fired(TimerFired.limit), atUs: Self.second(999))
        log.add(Self.fired("unknown"), atUs: Self.second(999))
        #expect(log.outputs.count == 1)
        log.add(Self.fired(TimerFired.windDown), atUs: Self.second(270))
        log.add(Self.fired(TimerFired.windDown), atUs: Self.second(271))
        #expect(log.outputs.map(\.label) == ["start/\(Self.sid)", "wind-down/\(Self.sid)"])
    }

    @Test func `a dear call is wound down at nine tenths of what it may cost`() {
        var log = Self.answered { $0.maxCostNanodollars = 1_000_000_000 }
        let response = { (id: String, cost: Int64) in
            CallEvent.OneOf_Body.responseDone(
                .with {
                    $0.responseID = id
                    $0.costNanodollars = cost
                }
            )
        }
        log.add(response("r1", 899_000_000))
        #expect(log.outputs.count == 1)
        log.add(response("r2", 1_000_000), atUs: Self.second(130))
        log.add(response("r3", 1_000_000), atUs: Self.second(131))
        #expect(log.outputs.map(\.label) == ["start/\(Self.sid)", "wind-down/\(Self.sid)"])
        log.add(Self.fired(TimerFired.limit), atUs: Self.second(151))
        #expect(log.state.endReason == "max_cost")
    }

    @Test func `a goodbye that is never played ends all the same`() {
        var log = Self.answered()
        log.add(.asks("c1", "end_call", #"{"reason":"done","outcome":"success"}"#))
        log.add(.ran("c1", "end_call", #"{"reason":"done","outcome":"success"}"#), atUs: Self.second(120))
        #expect(log.state.timers.contains { $0 == (TimerFired.goodbye, Self.second(150)) })
        log.add(Self.fired(TimerFired.goodbye), atUs: Self.second(150))
        #expect(log.outputs.last?.label == "hang-up/\(Self.sid)")
    }

    // MARK: Tools

    private static func started(_ id: String, repeatable: Bool) -> CallEvent.OneOf_Body {
        .toolStarted(
            .with {
                $0.toolCallID = id
                $0.timeoutMs = 5_000
                $0.repeatable = repeatable
            }
        )
    }

    @Test(arguments: [true, false])
    func `a tool of another system is given up when its time is up`(repeatable: Bool) {
        var log = Self.answered()
        log.add(.asks("c1", "book_taxi", "{}"))
        #expect(log.state.pendingEffects == [.runTool(log.state.conversation[0].tool.call)])
        log.add(Self.started("c1", repeatable: repeatable), atUs: Self.second(110))
        #expect(log.state.timers.contains { $0 == (TimerFired.tool("c1"), Self.second(115)) })
        let call = log.state.conversation[0].tool.call
        // Not before the state knows of it.
        #expect(log.outputs.last == .effect(.beginTool(call)))
        #expect(log.state.pendingEffects == [repeatable ? .runTool(call) : .giveUpTool(call, mayRepeat: false)])
        log.add(Self.fired(TimerFired.tool("c1")), atUs: Self.second(115))
        #expect(log.outputs.last == .effect(.giveUpTool(call, mayRepeat: repeatable)))
    }

    @Test(arguments: [true, false])
    func `what may have been done is not begun again under another id`(isUnknown: Bool) {
        var log = Self.answered()
        log.add(.asks("c1", "book_taxi", "{}"))
        log.add(Self.started("c1", repeatable: false), atUs: Self.second(110))
        let call = log.state.conversation[0].tool.call
        let error = isUnknown ? ToolError.unanswered("book_taxi", mayRepeat: false) : ToolError("No.", code: .failed)
        log.add(.toolCompleted(error.completed(call)), atUs: Self.second(120))
        log.add(.asks("c2", "book_taxi", "{}"))
        #expect(log.outputs.suffix(2).map(\.label) == ["tool-result/c1", isUnknown ? "tool-result/c2" : "run c2"])
    }

    // MARK: Voicemail

    private static func machine(_ answeredBy: String) -> CallEvent.OneOf_Body {
        .machineDetected(.with { $0.answeredBy = answeredBy })
    }

    @Test(
        arguments: [
            ("human", VoicemailPolicy.hangUp, []), ("unknown", .hangUp, []), ("machine_start", .goOn, []),
            ("machine_start", .hangUp, ["hang-up/\(Self.sid)"]), ("fax", .goOn, ["hang-up/\(Self.sid)"]),
            ("machine_end_beep", .leaveMessage, ["voicemail/\(Self.sid)"]),
        ] as [(String, VoicemailPolicy, [String])]
    )
    func `a verdict of machine detection is acted on by the policy`(
        _ answeredBy: String,
        _ policy: VoicemailPolicy,
        _ expected: [String]
    ) {
        var log = Self.answered { $0.voicemail = policy }
        log.add(Self.machine(answeredBy))
        log.add(Self.machine(answeredBy))
        #expect(log.outputs.dropFirst().map(\.label) == expected)
        #expect(log.state.outcome == (expected.isEmpty ? "" : "voicemail"))
        #expect(log.state.answeredBy == answeredBy)
    }

    @Test func `a verdict after a quote is wrong`() {
        var log = Self.answered { $0.voicemail = .hangUp }
        log.add(.asks("c1", "extract_quote", #"{"price":45}"#))
        log.add(.ran("c1", "extract_quote", #"{"price":45}"#))
        log.add(Self.machine("machine_start"))
        #expect(log.outputs.last?.label == "tool-result/c1")
    }

    @Test func `the agent that hears a machine hangs up, or is told what to say`() throws {
        for (policy, last) in [(VoicemailPolicy.hangUp, "tool-result/c1"), (.leaveMessage, "tool-result/c1")] {
            var log = Self.answered { $0.voicemail = policy }
            log.add(.asks("c1", "report_voicemail", "{}"))
            log.add(.ran("c1", "report_voicemail", "{}", policy: policy))
            #expect(log.outputs.last?.label == last)
            #expect(log.outputs.contains { $0.label == "goodbye/\(Self.sid)" } == (policy == .hangUp))
            #expect(log.state.outcome == "voicemail")
        }
    }
}
