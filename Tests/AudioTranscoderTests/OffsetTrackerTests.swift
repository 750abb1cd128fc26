import AudioTranscoder
import Testing

@Suite struct OffsetTrackerTests {
    @Test func `before the first record there is nothing to store`() {
        #expect(OffsetTracker().storable(holding: nil) == nil)
        #expect(OffsetTracker().isFinished)
    }

    @Test func `an offset is stored behind what was delivered, in whatever order`() {
        var tracker = OffsetTracker()
        for offset: Int64 in 10...13 { tracker.received(offset) }
        #expect(tracker.storable(holding: nil) == 10)
        tracker.finished(11)
        tracker.finished(13)
        #expect(tracker.storable(holding: nil) == 10)
        tracker.finished(10)
        #expect(tracker.storable(holding: nil) == 12)
        tracker.finished(12)
        #expect(tracker.storable(holding: nil) == 14)
        #expect(tracker.isFinished)
    }

    @Test func `a record under way keeps back the one it continues`() {
        var tracker = OffsetTracker()
        tracker.received(20)
        tracker.received(21)
        tracker.received(22, needing: 20)
        tracker.finished(20)
        tracker.finished(21)
        #expect(tracker.storable(holding: nil) == 20)
        tracker.finished(22)
        #expect(tracker.storable(holding: nil) == 23)
    }

    @Test func `what a later record may continue is kept back`() {
        var tracker = OffsetTracker()
        tracker.received(20)
        tracker.finished(20)
        #expect(tracker.storable(holding: 18) == 18)
        #expect(tracker.storable(holding: 30) == 21)
    }

    @Test func `offsets that the log has left out are no obstacle`() {
        var tracker = OffsetTracker()
        tracker.received(5)
        tracker.received(900)
        tracker.finished(5)
        #expect(tracker.storable(holding: nil) == 900)
        tracker.finished(900)
        #expect(tracker.storable(holding: nil) == 901)
    }

    @Test func `news of records that are not under way are ignored`() {
        var tracker = OffsetTracker()
        tracker.finished(1)
        tracker.received(5)
        tracker.finished(4)
        tracker.finished(6)
        #expect(tracker.storable(holding: nil) == 5)
        tracker.finished(5)
        tracker.finished(5)
        #expect(tracker.storable(holding: nil) == 6)
    }

    @Test func `reading again from further back begins anew`() {
        var tracker = OffsetTracker()
        tracker.received(5)
        tracker.received(6)
        tracker.received(2)
        #expect(tracker.storable(holding: nil) == 2)
    }

    @Test func `a long stream with a window in flight stays exact`() {
        var tracker = OffsetTracker()
        for offset: Int64 in 0..<5_000 {
            tracker.received(offset, needing: max(0, offset - 3))
            if offset >= 50 { tracker.finished(offset - 50) }
            if offset > 53 { #expect(tracker.storable(holding: nil) == offset - 49 - 3) }
        }
        for offset: Int64 in 4_950..<5_000 { tracker.finished(offset) }
        #expect(tracker.storable(holding: nil) == 5_000)
    }
}
