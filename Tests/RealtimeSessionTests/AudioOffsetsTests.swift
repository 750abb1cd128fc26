import Testing

@testable import RealtimeSession

@Suite struct AudioOffsetsTests {
    @Test func `what is stored is fifteen seconds behind`() {
        var offsets = AudioOffsets()
        var stored: [Int64] = []
        for index in 0..<1500 {
            if let offset = offsets.consumed(Int64(index), timestampMs: Int64(index) * 20) { stored.append(offset) }
        }
        #expect(stored.first == 0)
        #expect(stored.dropFirst() == stored.dropFirst().sorted()[...])
        #expect(stored.last == 725)
    }

    @Test func `after a silence the first record is stored at once`() {
        var offsets = AudioOffsets()
        _ = offsets.consumed(100, timestampMs: 0)
        #expect(offsets.consumed(101, timestampMs: 600) == nil)
        #expect(offsets.consumed(102, timestampMs: 600_000) == 102)
        #expect(offsets.consumed(103, timestampMs: 600_600) == nil)
    }
}
