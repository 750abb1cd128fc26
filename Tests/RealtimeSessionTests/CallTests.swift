import CallEvents
import Kafka
import NIOCore
import RealtimeSession
import RealtimeSimulator
import Speech
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct `A call through the stage` {
    private static func text(_ name: String) -> String { Speech.utterance(name)?.text ?? name }

    /// What the demo's call is in the end.
    private static let whole = [
        "person: \(Self.text("greeting"))", "agent: \(Self.text("ask"))", "person: \(Self.text("price"))",
        "tool: extract_quote true", "agent: \(Self.text("confirm"))", "person: \(Self.text("goodbye"))",
        "agent: \(Self.text("bye"))", "tool: end_call true",
    ]

    private static func greet(_ bench: Bench) async throws {
        try await eventually("the session is ready") { bench.has("session-ready") }
        try bench.phone.say("greeting")
        try await bench.agentFinished(1)
    }

    private static func finish(_ bench: Bench, from said: Int = 1) async throws {
        if said < 2 {
            try bench.phone.say("price")
            try await bench.agentFinished(2)
        }
        try bench.phone.say("goodbye")
        try await eventually("the agent hangs up") { bench.phone.hungUp }
        try await bench.completed()
        try await eventually("the session has ended") { bench.has("session-ended") }
    }

    /// One of the replies was begun by one owner and ended by another.
    private static func checkNothingIsSaidTwice(_ bench: Bench) throws {
        var said = bench.conversation
        let rest = try #require(zip(said, said.dropFirst()).enumerated().first { $1.0.isAgents && $1.1.isAgents })
        said[rest.offset] = "\(rest.element.0)\(rest.element.1.dropFirst("agent:".count))"
        said.remove(at: rest.offset + 1)
        #expect(said == Self.whole)
        #expect(bench.phone.clears == 0)
        let played = bench.phone.played.dropFirst().prefix(2).map(\.ms).reduce(0, +)
        let whole = Speech.utterance("confirm").map { $0.mulaw.count / 8 } ?? 0
        // The two are cut apart at a word, whose place in the audio the simulated model guesses.
        #expect(abs(played - whole) <= 600, "\(played) of \(whole) ms")
    }

    private static func check(_ bench: Bench) {
        #expect(bench.conversation == Self.whole)
        #expect(bench.call.quotes.map(\.price) == ["45.00"])
        let errors = bench.simulator.sessions.flatMap(\.errors)
        #expect(errors.isEmpty, "\(errors)")
        // Nothing was heard twice, nothing is missing.
        #expect(Set(bench.phone.played.map(\.itemID)).count == 3)
        #expect(bench.phone.played.count == 3)
    }

    @Test(arguments: [AudioPath.passthrough, .pcm24K])
    func `runs from the greeting to the goodbye`(_ path: AudioPath) async throws {
        try await Bench.run(path: path) { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                try await Self.finish(bench)
            }
            Self.check(bench)
            let frames = bench.phone.received.filter { !$0.control.isUnnumbered }
            #expect(frames.map(\.sequence) == Array(0..<UInt64(frames.count)))
            #expect(bench.phone.clears == 0)
            let done = bench.events.compactMap { event in
                if case .responseDone(let done)? = event.body { done } else { nil }
            }
            #expect(
                done.allSatisfy {
                    $0.status == "completed" && $0.usage.outputAudioTokens + $0.usage.outputTextTokens > 0
                }
            )
            #expect(bench.call.hasAnsweredThrough)
        }
    }

    @Test func `stops talking when the person speaks, and knows what was heard`() async throws {
        var script = Script.demo
        script.rules.insert(Rule(.heard("greeting"), [.say("long")]), at: 0)
        script.rules.append(Rule(.heard("wait"), [.say("sorry")]))
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await eventually("the session is ready") { bench.has("session-ready") }
                try bench.phone.say("greeting")
                try await eventually("a second of the reply") { (bench.phone.played.first?.ms ?? 0) > 1000 }
                try bench.phone.say("wait")
                try await eventually("the cut utterance") { bench.has("utterance-interrupted") }
                try await eventually("the next reply") { bench.phone.played.count == 2 && bench.phone.isQuiet }
            }
            #expect(bench.phone.clears == 1)
            let session = try #require(bench.simulator.sessions.first)
            let truncation = try #require(session.truncations.first)
            let cut = try #require(bench.phone.played.first)
            #expect(truncation.itemID == cut.itemID)
            // Not before the person spoke, and never past what was played: the phone estimates between marks.
            #expect(truncation.audioEndMs >= 900 && truncation.audioEndMs <= cut.ms + 120)
            #expect(
                bench.phone.reported.contains {
                    $0.itemID == truncation.itemID && Int($0.playedMs) == truncation.audioEndMs
                }
            )
            #expect(session.errors.isEmpty)
            let utterance = try #require(bench.call.conversation.first { $0.utterance.interrupted }?.utterance)
            #expect(Int(utterance.playedMs) == truncation.audioEndMs)
            // All that was generated, which may be all of it.
            #expect(Speech.utterance("long")?.text.hasPrefix(utterance.text) == true && !utterance.text.isEmpty)
        }
    }

    @Test(arguments: ["between turns", "in the middle of a reply", "before the answer"])
    func `goes on with another owner`(_ moment: String) async throws {
        var script = Script.demo
        if moment == "in the middle of a reply" { script.pace = 1.5 }
        if moment == "before the answer" { script.thinkMs = 1500 }
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                switch moment {
                case "in the middle of a reply":
                    try bench.phone.say("price")
                    try await eventually("the reply has begun") { bench.phone.played.count == 2 }
                case "before the answer":
                    try bench.phone.say("price")
                    try await eventually("the turn has ended") { bench.has("speech-stopped", count: 2) }
                default: break
                }
            }
            try await bench.withStage(instance: "s2") {
                try await eventually("the session is restored") { bench.has("session-ready", count: 2) }
                switch moment {
                case "between turns": try await Self.finish(bench)
                case "in the middle of a reply":
                    // Its beginning, and the rest.
                    try await bench.agentFinished(3)
                    try await Self.finish(bench, from: 2)
                default:
                    try await bench.agentFinished(2)
                    try await Self.finish(bench, from: 2)
                }
            }
            let claims = bench.events.filter { $0.eventID.hasPrefix("session-claimed/") }
            #expect(claims.map(\.sessionClaimed.instance) == ["s1", "s2"])
            if moment == "in the middle of a reply" {
                try Self.checkNothingIsSaidTwice(bench)
            } else {
                Self.check(bench)
            }
        }
    }

    @Test func `goes on when the model's socket drops`() async throws {
        try await Bench.run { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                bench.simulator.dropConnections()
                try bench.phone.say("price")
                try await bench.agentFinished(2)
                try await Self.finish(bench, from: 2)
            }
            Self.check(bench)
            #expect(bench.simulator.sessions.count == 2)
            #expect(bench.has("error"))
        }
    }

    @Test func `renews a session before it expires, and nobody notices`() async throws {
        var script = Script.demo
        script.sessionSeconds = 12
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                try await eventually("another session") { bench.has("session-ready", count: 2) }
                try await Self.finish(bench)
            }
            Self.check(bench)
            #expect(bench.simulator.sessions.count >= 2)
            #expect(bench.phone.clears == 0)
            #expect(!bench.has("error"))
        }
    }

    @Test func `waits out a service that is too busy, and gives up on a key that is refused`() async throws {
        var script = Script.demo
        script.faults = [SessionFault(.upgrade, .refuse(status: 429), times: 2)]
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                #expect(bench.simulator.refusedUpgrades == 2)
            }
        }
        script.faults = [SessionFault(.open(ms: 100), .error(.init(code: "insufficient_quota")))]
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await eventually("the end of the session") { bench.has("session-ended") }
            }
            let fatal = bench.events.filter { $0.errorOccurred.fatal }
            #expect(fatal.map(\.errorOccurred.message) == ["insufficient_quota"])
            #expect(bench.simulator.sessions.count == 1)
            #expect(!bench.events.contains { $0.textFormatString().contains(Bench.key) })
        }
    }

    @Test func `sends the reply again to a stream that came back`() async throws {
        var script = Script.demo
        script.rules.insert(Rule(.heard("greeting"), [.say("long")]), at: 0)
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await eventually("the session is ready") { bench.has("session-ready") }
                try bench.phone.say("greeting")
                try await eventually("a second of the reply") { (bench.phone.played.first?.ms ?? 0) > 1000 }
                bench.phone.reconnect()
                try await eventually("the rest of the reply") {
                    bench.phone.isQuiet && (bench.phone.played.first?.ms ?? 0) > 5000
                }
            }
            let whole = Speech.utterance("long").map { $0.mulaw.count / 8 } ?? 0
            let played = bench.phone.played.map(\.ms).reduce(0, +)
            // What was not acknowledged is heard again: at most 100 ms and what was under way. The phone estimates between
            // marks: on a busy machine it plays later than that.
            #expect(played >= whole - 100 && played <= whole + 300, "\(played) of \(whole)")
        }
    }

    @Test func `lets others read along what is being said`() async throws {
        try await Bench.run { bench in
            try await bench.withStage {
                try await eventually("the session is ready") { bench.has("session-ready") }
                try bench.phone.say("greeting")
                try await bench.agentFinished(1)
            }
            let partition = KeyPartition.of(bench.callSid, count: bench.broker.topics.partitions)
            let partials = try await bench.broker.records(in: bench.broker.topics[.live], partition: partition)
                .compactMap(\.value).map { try LiveUpdate(serializedBytes: Array($0.readableBytesView)).partial }
            for (speaker, name) in [(Speaker.person, "greeting"), (.agent, "ask")] {
                let texts = partials.filter { $0.speaker == speaker }.map(\.text)
                #expect(texts.count > 1 && texts.last == Self.text(name), "\(texts)")
                for (text, next) in zip(texts, texts.dropFirst()) { #expect(next.hasPrefix(text)) }
            }
        }
    }

    @Test func `puts aside what it cannot read, and goes on`() async throws {
        try await Bench.run { bench in
            try await bench.withStage {
                try await eventually("the session is ready") { bench.has("session-ready") }
                for topic in [Topic.commands, .audioInboundModel] {
                    try await bench.deliver(
                        KafkaMessage(
                            topic: bench.broker.topics[topic],
                            key: ByteBuffer(string: bench.callSid),
                            value: ByteBuffer(string: "nonsense")
                        )
                    )
                }
                try await Self.greet(bench)
            }
            var letters: [KafkaRecord] = []
            for partition in 0..<bench.broker.topics.partitions {
                letters += try await bench.broker.records(
                    in: bench.broker.topics[.deadLetters],
                    partition: partition
                )
            }
            #expect(letters.count == 2)
        }
    }
}

extension String {
    fileprivate var isAgents: Bool { self.hasPrefix("agent:") }
}
