import CallEvents
import NIOCore
import Testing
import TwilioMedia

@Suite struct OutboundQueueTests {
    private static func frame(
        _ sequence: UInt64,
        playout: UInt32 = 0,
        control: AudioFrame.Control = .none,
        value: UInt8 = 7
    ) -> AudioFrame {
        AudioFrame(
            codec: .pcmu,
            payload: control == .none ? ByteBuffer(repeating: value, count: 160) : ByteBuffer(),
            streamEpoch: 1,
            sequence: sequence,
            receivedAtUs: 5,
            playoutEpoch: playout,
            itemID: "a",
            control: control
        )
    }

    private static func commands(_ queue: inout OutboundQueue) -> [MediaStreamCommand] {
        var commands: [MediaStreamCommand] = []
        while let message = queue.next() { commands.append(message.command) }
        return commands
    }

    @Test func `messages come out in order, marks among the audio`() {
        var queue = OutboundQueue(streamEpoch: 1)
        for sequence in 0..<10 as Range<UInt64> {
            #expect(queue.received(Self.frame(sequence, value: UInt8(sequence)), nowUs: 0).dropped == nil)
        }
        let audio = (0..<10 as Range<UInt8>).map {
            MediaStreamCommand.media(payload: ByteBuffer(repeating: $0, count: 160))
        }
        let expected = audio.prefix(5) + [.mark(name: "0.0")] + audio.suffix(5) + [.mark(name: "0.1")]
        #expect(Self.commands(&queue) == Array(expected))
        #expect(queue.isEmpty)
    }

    @Test func `a clear overtakes all that waits`() {
        var queue = OutboundQueue(streamEpoch: 1)
        for sequence in 0..<6_000 as Range<UInt64> { _ = queue.received(Self.frame(sequence), nowUs: 0) }
        #expect(queue.next()?.command == .media(payload: ByteBuffer(repeating: 7, count: 160)))
        _ = queue.received(Self.frame(0, playout: 1, control: .clear), nowUs: 0)
        _ = queue.received(Self.frame(6_000, playout: 1, value: 8), nowUs: 0)
        let first = queue.next()
        #expect(first?.command == .clear && first?.receivedAtUs == 5)
        #expect(Self.commands(&queue) == [.media(payload: ByteBuffer(repeating: 8, count: 160))])
    }

    @Test func `two minutes wait and no more`() {
        var queue = OutboundQueue(streamEpoch: 1)
        for sequence in 0..<6_000 as Range<UInt64> { _ = queue.received(Self.frame(sequence), nowUs: 0) }
        #expect(!queue.isOverflowing)
        _ = queue.received(Self.frame(6_000), nowUs: 0)
        #expect(queue.isOverflowing)
    }

    @Test func `a record is read like a frame, and garbage is an error`() throws {
        var queue = OutboundQueue(streamEpoch: 1)
        for sequence in 0..<3 as Range<UInt64> {
            var record = ByteBuffer()
            Self.frame(sequence).write(to: &record)
            #expect(try queue.received(record: record, nowUs: 0).audio == ByteBuffer(repeating: 7, count: 160))
        }
        #expect(throws: AudioFrameError.self) { try queue.received(record: ByteBuffer(string: "\u{1}x"), nowUs: 0) }
        #expect(Self.commands(&queue).count == 3)
        #expect(queue.playout.sentMs == 60)
    }
}
