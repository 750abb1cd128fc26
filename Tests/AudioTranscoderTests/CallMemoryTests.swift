import CHeap
import CallEvents
import Kafka
import NIOCore
import Testing

@testable import AudioTranscoder

/// What calls cost in memory, and that it comes to an end.
@Suite(.serialized) struct CallMemoryTests {
    private static let calls = 2_000

    @Test(.enabled(if: heap_bytes_in_use() >= 0), .timeLimit(.minutes(1)))
    func `both directions of a call in progress take at most 4 KiB`() {
        // What else this process does is in the figure too: so the median of several counts.
        let growths = (0..<7).map { _ -> Int64 in
            let before = heap_bytes_in_use()
            let states = Self.statesInProgress()
            let growth = heap_bytes_in_use() - before
            withExtendedLifetime(states) {}
            return growth
        }
        let perCall = growths.sorted()[3] / Int64(Self.calls)
        #expect(perCall <= 4 << 10)
        // Two windows of a filter at least: it was measured at all.
        #expect(perCall >= 1_000)
    }

    @Test func `calls that have ended leave nothing`() {
        var states = Self.statesInProgress()
        for index in states.indices {
            #expect(states[index].callCount == Self.calls)
            for call in 0..<Self.calls { states[index].finished(Int64(Self.calls + call)) }
            let later = ContinuousClock.now + TranscoderState.memory + .seconds(5)
            #expect(states[index].storableOffset(at: later) == Int64(2 * Self.calls))
            #expect(states[index].callCount == 0)
        }
    }

    @Test func `an offset that is not done holds entries, and lets go of all of them afterwards`() {
        var tracker = OffsetTracker()
        for offset: Int64 in 0..<10_000 {
            tracker.received(offset)
            if offset != 0 { tracker.finished(offset) }
        }
        #expect(tracker.count == 10_000)
        tracker.finished(0)
        #expect(tracker.storable(holding: nil) == 10_000)
        #expect(tracker.count == 0)
    }

    @Test func `a day of a busy partition takes no more entries than what is in flight, and some`() {
        var tracker = OffsetTracker()
        var most = 0
        for offset: Int64 in 0..<1_000_000 {
            tracker.received(offset)
            if offset >= 50 { tracker.finished(offset - 50) }
            most = max(most, tracker.count)
        }
        #expect(most <= 200)
    }

    /// Both directions, with two frames of each call, the second on its way.
    private static func statesInProgress() -> [TranscoderState] {
        [
            self.state(.inbound) { Records.inbound($0, call: 1) },
            self.state(.outbound) { Records.outbound($0, call: 1) },
        ]
    }

    private static func state(_ direction: Direction, _ frame: (UInt64) -> AudioFrame) -> TranscoderState {
        var state = TranscoderState(direction: direction, topics: Records.topics)
        for sequence: UInt64 in 0...1 {
            let frame = frame(sequence)
            for call in 0..<self.calls {
                let offset = Int64(Int(sequence) * self.calls + call)
                _ = state.receive(Records.record(frame, direction, call: call, offset: offset), at: .now)
                if sequence == 0 { state.finished(offset) }
            }
        }
        return state
    }
}
