import CallEvents
import CallFlow
import SeededRandom
import SwiftProtobuf
import Testing

/// A whole call, read with interruptions of every kind.
@Suite struct ReplayTests {
    private static let price = #"{"price":"$45.00","details":"service"}"#
    private static let bye = #"{"reason":"quote received"}"#

    private static let call = Log([
        .status("initiated", 0), .requested, .claimed, .status("in-progress", 2), .status("ringing", 1), .stream(1),
        .turnEnded("p1"), .agent("a1", after: "p1", "Hello, a quote please."), .response("r1", answers: (1, 90)),
        .person("p1", "Hello?"), .interrupts("a1", playedMs: 700), .turnEnded("p2"), .stream(2),
        .person("p2", after: "a1", "Forty five."), .asks("c1", "extract_quote", price),
        .response("r2", answers: (2, 4)),
        .ran("c1", "extract_quote", price), .asks("c2", "extract_quote", #"{"price":45,"details":"Service"}"#),
        .agent("a2", after: "output", "Thank you."), .asks("c3", "end_call", bye), .ran("c3", "end_call", bye),
        .status("completed", 3), .person("p3", after: "a2", "Bye."),
    ])

    @Test func `the call as it happened`() {
        let (state, outputs) = Self.call.folded()
        #expect(
            state.items == ["p1", "a1", "p2", "item-c1", "item-c2", "a2", "item-c3", "p3"] || state.items.count == 8
        )
        #expect(state.quotes.map(\.price) == ["45.00"])
        #expect(state.phase == .ended)
        #expect(
            outputs.map(\.label) == [
                "start/\(Log.callSid)", "transcript 1", "transcript 2", "transcript 3", "run c1", "quote 45.00",
                "tool-result/c1", "tool-result/c2", "run c3", "goodbye/\(Log.callSid)", "end/\(Log.callSid)",
                "transcript 4", "transcript 5",
            ]
        )
    }

    @Test(arguments: 0...call.events.count)
    func `any restart gives the same state and outputs`(at restart: Int) throws {
        var state = CallState(callSid: Log.callSid)
        var outputs: [CallOutput] = []
        for (offset, event) in Self.call.events.prefix(restart) { outputs += state.apply(event, at: offset) }
        var restored = try CallState(serializedBytes: state.serializedBytes() as [UInt8])
        // The new owner may read from further back than the snapshot.
        for (offset, event) in Self.call.events { outputs += restored.apply(event, at: offset) }
        #expect(restored == Self.call.state)
        #expect(outputs.filter { $0 != .effect(.plan) } == Self.call.outputs)
    }

    @Test(arguments: 0..<50)
    func `facts written again change nothing`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) + 1)
        // A claim is no fact about the call but a new owner: its repeat is another claim.
        let repeatable = Self.call.events.indices.filter { index in
            if case .sessionClaimed = Self.call.events[index].event.body { false } else { true }
        }
        let repeats = (0..<10).map { _ in repeatable.randomElement(using: &random)! }
        let (state, outputs) = Self.call.repeating(repeats).folded()
        var expected = Self.call.state
        expected.appliedOffset = state.appliedOffset
        #expect(state == expected)
        #expect(outputs == Self.call.outputs)
    }

    @Test(arguments: 0..<50)
    func `the order of the conversation does not depend on when its texts arrive`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) + 1)
        var bodies: [CallEvent.OneOf_Body] = []
        for turn in 1...6 {
            bodies.append(.person("p\(turn)", after: turn == 1 ? "" : "a\(turn - 1)", "Said \(turn)."))
            bodies.append(.agent("a\(turn)", after: "p\(turn)", "Answer \(turn)."))
        }
        // Each transcript comes up to three places late.
        let late = bodies.enumerated().map {
            ($0.offset + Int.random(in: 0...3, using: &random), $0.offset, $0.element)
        }
        let order = late.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
        #expect(Log([.requested] + order).state.items == (1...6).flatMap { ["p\($0)", "a\($0)"] })
    }
}
