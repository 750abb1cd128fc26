import CallEvents
import NIOCore
import Testing

@testable import OpenAIRealtime

@Suite struct OutboundMemoryTests {
    @Test func `a frame that waits to be played does not keep the audio that it came with`() {
        var audio = OutboundAudio(
            codec: .pcm24k,
            sessionEpoch: 1,
            target: OutboundAudio.Target(streamEpoch: 1, partition: 0)
        )
        let samples = ByteBuffer(bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        let parts = [samples.getSlice(at: 0, length: 50_000), samples.getSlice(at: 50_000, length: 50_000)]
        let frames = parts.compactMap(\.self)
            .flatMap { audio.add($0, itemID: "item", contentIndex: 0, atUs: 0) }
        #expect(frames.count == 100_000 / 960)
        let given = frames.flatMap { Array($0.payload.readableBytesView) }
        #expect(given == Array(samples.readableBytesView.prefix(99_840)))
        #expect(frames.allSatisfy { $0.payload.storageCapacity < 2_000 })
    }
}
