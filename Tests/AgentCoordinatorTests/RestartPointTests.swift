import Agents
import CallEvents
import CallFlow
import Kafka
import SeededRandom
import SwiftProtobuf
import Testing

@testable import AgentCoordinator

/// A call that uses every tool and every handoff, with a coordinator that dies wherever it can.
@Suite struct RestartPointTests {
    /// What lies between two events of the log.
    enum Death: CaseIterable {
        /// Nothing of the event's transaction was written.
        case beforeCommit
        /// All of it was; the next owner has effects that are not answered yet done again.
        case afterCommit
        /// All of it was, but the next owner reads the log again from its beginning.
        case withoutOffsets
    }

    /// A partition with one call, its coordinators, and who writes to it from outside.
    struct World {
        private let effects: EffectRunner
        private var script: [CallEvent.OneOf_Body]
        private(set) var log: [CallEvent] = []
        private(set) var committed: CallState
        private(set) var results: [CallResult] = []
        private(set) var commands: [String] = []
        private(set) var telephony: [String] = []
        private var next = 0

        init(_ effects: EffectRunner, script: [CallEvent.OneOf_Body]) {
            self.effects = effects
            self.script = script
            self.committed = CallState(callSid: Deployment.callSid)
        }

        var length: Int { self.log.count }

        /// - Parameter deaths: of the coordinator, by the number of the event that it was at.
        mutating func run(_ deaths: [Int: Death] = [:]) throws {
            var deaths = deaths
            while self.write() {
                let offset = self.next
                var state = self.committed
                let outputs = state.apply(self.log[offset], at: Int64(offset))
                let death = deaths.removeValue(forKey: offset)
                if death != .beforeCommit {
                    for output in outputs { self.commit(output, of: state) }
                    self.committed = try CallState(serializedBytes: state.serializedBytes() as [UInt8])
                    self.next += 1
                }
                guard let death else { continue }
                // The next owner.
                for effect in self.committed.pendingEffects { self.commit(.effect(effect), of: self.committed) }
                if death == .withoutOffsets { self.next = 0 }
            }
        }

        /// Somebody outside writes when all that was written is read; at the end, time passes.
        /// - Returns: false when there is nothing left to read or to write.
        private mutating func write() -> Bool {
            if self.next < self.log.count { return true }
            if !self.script.isEmpty {
                let body = self.script.removeFirst()
                self.append("script/\(self.script.count)", body)
                return true
            }
            guard let timer = self.committed.timers.min(by: { $0.dueAtUs < $1.dueAtUs }) else { return false }
            var fired = TimerFired()
            fired.timer = timer.name
            self.append(CallID.timerFired(Deployment.callSid, timer.name), .timerFired(fired), atUs: timer.dueAtUs)
            return true
        }

        private mutating func append(_ id: String, _ body: CallEvent.OneOf_Body, atUs: Int64 = World.nowUs) {
            self.log.append(
                .with {
                    $0.eventID = id
                    $0.callSid = Deployment.callSid
                    $0.occurredAtUs = atUs
                    // Of the only session: its claim is the third event, whoever dies.
                    $0.sessionEpoch = 1 << 40
                    $0.body = body
                }
            )
        }

        private mutating func commit(_ output: CallOutput, of state: CallState) {
            switch output {
            case .command(let command): self.commands.append(command.commandID)
            case .telephony(let command): self.telephony.append(command.commandID)
            case .result(let result): self.results.append(result)
            case .effect(let effect):
                for (id, body) in self.effects.perform(effect, of: state, atUs: World.nowUs).events {
                    self.append(id, body)
                }
            }
        }

        static let nowUs: Int64 = 1_790_000_000_000_000
    }

    static func said(_ speaker: Speaker, _ item: String, _ text: String) -> CallEvent.OneOf_Body {
        .utterance(
            .with {
                $0.itemID = item
                $0.speaker = speaker
                $0.text = text
                $0.startedAtUs = World.nowUs
            }
        )
    }

    static let script: [CallEvent.OneOf_Body] = [
        .requested, .claimed, .status("in-progress", 2), .streamStarted(.with { $0.streamEpoch = 1 }),
        Self.said(.person, "p1", "Press one for sales."),
        .asks("t1", "send_digits", #"{"digits":"1"}"#),
        .asks("t2", "note_tone", #"{"emotion":"friendly","urgency":"low","sentiment":"positive"}"#),
        .asks("t3", "extract_quote", #"{"price":45,"details":"oil change","availability":"tomorrow"}"#),
        .asks("t4", "extract_quote", #"{"price":"$45.00","details":"Oil change","availability":"tomorrow"}"#),
        .asks("t5", "record_special_offer", #"{"description":"Ten percent off","discount":"10 %"}"#),
        .asks("h1", "transfer_to_quotes_validator", #"{"reason":"check it"}"#),
        .asks("t6", "validate_quote", #"{"price":45}"#),
        .asks("t7", "compare_quotes", #"{"requestId":"req-1"}"#),
        .asks("h2", "transfer_to_main_concierge", #"{"reason":"checked"}"#),
        .asks("h3", "transfer_to_order_placer", #"{"reason":"order"}"#),
        .asks("t8", "place_order", #"{"items":[{"name":"Oil filter","quantity":1}],"totalPrice":12.5}"#),
        .asks("h4", "transfer_to_main_concierge", #"{"reason":"ordered"}"#),
        .handoffRequested(.with { $0.toAgent = "appointment_scheduler" }),
        .asks("t9", "schedule_appointment", #"{"date":"2026-12-01","time":"2:00 PM"}"#),
        .asks("t0", "extract_quote", "{}"),
        .asks("e1", "end_call", #"{"reason":"done","outcome":"success"}"#),
        .status("completed", 9),
    ]

    private static let agents = Result { try AgentBook.builtIn() }

    static func world(_ script: [CallEvent.OneOf_Body] = Self.script) throws -> World {
        let effects = EffectRunner(
            agents: try Self.agents.get(),
            quotes: { _, _ in [] },
            isRunning: { _, _ in false }
        )
        return World(effects, script: script)
    }

    /// A state without what a repeat may change: where the log is.
    private static func essence(_ state: CallState) -> CallState {
        var state = state
        state.appliedOffset = 0
        state.sessionEpoch = 0
        return state
    }

    private func expectSame(_ world: World, as undisturbed: World) {
        #expect(Self.essence(world.committed) == Self.essence(undisturbed.committed))
        #expect(world.results.map(\.id) == undisturbed.results.map(\.id))
        #expect(world.results == undisturbed.results)
        #expect(world.commands == undisturbed.commands)
        #expect(world.telephony == undisturbed.telephony)
    }

    @Test func `the undisturbed call uses all tools and hands over to all agents`() throws {
        var world = try Self.world()
        try world.run()
        let types = world.results.map(\.type)
        #expect(Set(types) == Set(CallResult.types))
        #expect(types.count { $0 == "quote" } == 1 && types.count { $0 == "call" } == 1)
        #expect(
            world.committed.handoffs.map(\.toAgent) == [
                "quotes_validator", "main_concierge", "order_placer", "main_concierge", "appointment_scheduler",
            ]
        )
        #expect(world.telephony.count == 1)
        guard case .call(let summary)? = world.results.last else {
            Issue.record("no summary")
            return
        }
        #expect(summary.outcome == "success" && summary.handoffs.count == 5)
        #expect(summary.tools.map(\.failed).reduce(0, +) == 1)
    }

    @Test(arguments: Death.allCases)
    func `wherever the coordinator dies once, the call is the same`(death: Death) throws {
        var undisturbed = try Self.world()
        try undisturbed.run()
        #expect(undisturbed.length > 50)
        for point in 0..<undisturbed.length {
            var world = try Self.world()
            try world.run([point: death])
            self.expectSame(world, as: undisturbed)
        }
    }

    @Test(arguments: 0..<50)
    func `however often it dies, the call is the same`(seed: Int) throws {
        var undisturbed = try Self.world()
        try undisturbed.run()
        var random = SeededGenerator(seed: UInt64(seed) + 1)
        var deaths: [Int: Death] = [:]
        for _ in 0..<Int.random(in: 2...20, using: &random) {
            deaths[Int.random(in: 0..<undisturbed.length, using: &random)] = Death.allCases.randomElement(
                using: &random
            )
        }
        var world = try Self.world()
        try world.run(deaths)
        self.expectSame(world, as: undisturbed)
    }
}
