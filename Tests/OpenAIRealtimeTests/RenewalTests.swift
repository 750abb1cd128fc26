import CallEvents
import OpenAIRealtime
import Testing

@Suite struct `Renewing the model's session` {
    private static let next = ModelSession(id: "sess_2", model: "m")

    /// One turn was answered, and played; another session stands by.
    private static func standby(expiresAt: Int = 0) -> Call {
        var call = Call()
        call.start()
        call.model(.opened(ModelSession(id: "sess_1", model: "m")))
        call.model(.configured(ModelSession(id: "sess_1", model: "m", expiresAt: expiresAt)))
        call.turn("u1")
        call.model(.personTranscript(itemID: "u1", "Hello"))
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.actions += call.conversation.timerFired(.renewSession("sess_1"))
        call.forget()
        return call
    }

    private static func isReady(_ call: Call) -> Call {
        var call = call
        call.standby(.opened(Self.next))
        call.standby(.configured(Self.next))
        return call
    }

    @Test func `is due after the age that is set, or five sixths of what the service gives`() {
        var call = Call()
        call.start()
        call.connect()
        #expect(call.actions.contains(.schedule(.renewSession("sess_1"), after: .microseconds(34_165_000))))
        var other = Call()
        other.start()
        other.model(.opened(Self.next))
        other.model(.configured(Self.next))
        #expect(other.actions.contains(.schedule(.renewSession("sess_2"), after: .seconds(3000))))
    }

    @Test func `waits for a silence, and nobody hears a thing`() {
        var call = Self.isReady(Self.standby())
        #expect(
            call.actions == [.sendStandby(.configure(Call.start().agent, format: .pcmu))],
            "the agent's words are still being played"
        )
        call.forget()
        call.hear(1, playout: playout("a1", 80))
        #expect(!call.actions.contains(.useStandby))
        call.forget()
        call.hear(1, playout: playout("a1", 100))
        let swap = call.actions.firstIndex(of: .useStandby)
        #expect(swap != nil)
        #expect(call.events.map(\.sessionReady.realtimeSessionID) == ["sess_2"])
        #expect(
            call.commands == [
                .add(.personText(itemID: "u1", "Hello"), after: nil),
                .add(.agentText(itemID: "a1", "Good day"), after: nil),
            ]
        )
        #expect(call.clears.isEmpty && call.played.isEmpty)
        call.forget()
        call.turn("u2")
        call.reply("a2", in: "r2", ms: 100)
        #expect(call.played.count == 5 && call.clears.isEmpty)
    }

    @Test func `an agent that took over meanwhile is the one of the next session`() {
        var call = Self.isReady(Self.standby())
        var update = UpdateSession()
        update.agent.agent = "order_placer"
        call.command(.updateSession(update))
        call.forget()
        call.hear(1, playout: playout("a1", 100))
        #expect(call.commands.first == .update(update.agent, withSettings: false))
    }

    @Test func `the present session goes on when the next one does not come about`() {
        var call = Self.standby()
        call.actions += call.conversation.standbyLost()
        #expect(call.actions == [.schedule(.renewSession("sess_1"), after: .seconds(30))])
        call.forget()
        call.actions += call.conversation.timerFired(.renewSession("sess_1"))
        #expect(call.actions == [.connectStandby])
        call.standby(.failed(ModelFailure(kind: .fatal, code: "insufficient_quota")))
        #expect(call.actions.contains(.dropStandby))
        call.forget()
        call.hear()
        #expect(call.appended.count == 1)
    }

    @Test func `a session that stands by is used at once when the present one is lost`() {
        var call = Self.isReady(Self.standby())
        call.forget()
        call.actions += call.conversation.socketLost("closed", atUs: call.atUs)
        #expect(call.actions.contains(.useStandby))
        #expect(!call.actions.contains(.connect))
        #expect(call.commands.count == 2)
    }

    @Test func `a session that never falls silent is left before it expires`() {
        // It expires at second 1,000.
        var call = Self.isReady(Self.standby(expiresAt: 1000))
        call.model(.speechStarted(itemID: "u2", audioStartMs: 5000))
        call.atUs = 930_000_000
        call.hear()
        #expect(!call.actions.contains(.useStandby))
        call.atUs = 945_000_000
        call.hear()
        #expect(call.actions.contains(.useStandby))
    }

    @Test func `an old session's timer renews nothing`() {
        var call = Self.standby()
        call.actions += call.conversation.standbyLost()
        call.actions += call.conversation.socketLost("closed", atUs: call.atUs)
        call.model(.opened(Self.next))
        call.model(.configured(Self.next))
        call.forget()
        call.actions += call.conversation.timerFired(.renewSession("sess_1"))
        #expect(call.actions.isEmpty)
    }
}
