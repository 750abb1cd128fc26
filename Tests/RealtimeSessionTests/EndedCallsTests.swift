import NIOCore
import Testing

@testable import RealtimeSession

@Suite struct EndedCallsTests {
    private let start = ContinuousClock.now

    @Test func `a call that ended is known for as long as was asked, and forgotten after twice that`() {
        var ended = EndedCalls(kept: .seconds(300))
        let (first, second, third) = (ByteBuffer(string: "1"), ByteBuffer(string: "2"), ByteBuffer(string: "3"))
        ended.insert([first], at: self.start)
        ended.insert([second], at: self.start + .seconds(301))
        #expect(ended.contains(first))
        ended.insert([third], at: self.start + .seconds(602))
        #expect(!ended.contains(first))
        #expect(ended.contains(second))
        #expect(ended.contains(third))
    }
}
