import CallEvents
import NIOCore
import Testing

@Suite struct AudioFrameMemoryTests {
    @Test func `a frame that is kept does not keep what was consumed with it`() throws {
        var consumed = ByteBuffer(repeating: 0, count: 100_000)
        let frame = AudioFrame(codec: .pcmu, payload: ByteBuffer(repeating: 7, count: 160), sequence: 3)
        consumed.moveWriterIndex(to: 0)
        frame.write(to: &consumed)
        let read = try AudioFrame(record: consumed)
        #expect(read.payload.storageCapacity >= 100_000)
        #expect(read.unshared == frame)
        #expect(read.unshared.payload.storageCapacity < 1_000)
    }
}
