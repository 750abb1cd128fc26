import CallEvents
import Kafka
import NIOCore
import Testing

@testable import AudioTranscoder

/// A stream of several calls, converted in one go, against the same stream converted by one that is killed and its
/// successor, which begins at the stored offset. Readers drop repeats by sequence number.
@Suite struct RestartTests {
    private struct Identity: Hashable {
        var key: ByteBuffer
        var epoch: Int64
        var sequence: UInt64
    }

    /// What a reader has: the first record of each sequence number.
    private struct Reader: Equatable {
        private(set) var frames: [Identity: ByteBuffer] = [:]

        mutating func read(_ message: KafkaMessage) throws {
            let value = try #require(message.value)
            let frame = try AudioFrame(record: value)
            let epoch = message.topic.hasSuffix("model") ? Int64(frame.streamEpoch) : frame.sessionEpoch
            let identity = Identity(key: message.key, epoch: epoch, sequence: frame.sequence)
            if self.frames[identity] == nil { self.frames[identity] = value }
        }
    }

    /// Three calls that begin and end at different times, one of them with a second stream.
    private static let inboundLog: [KafkaRecord] = Self.log(.inbound) { step in
        var frames: [(Int, AudioFrame)] = [(1, Records.inbound(UInt64(step), call: 1))]
        if (7..<30).contains(step) { frames.append((2, Records.inbound(UInt64(step - 7), call: 2))) }
        if step >= 12 { frames.append((3, Records.inbound(UInt64(step - 12), call: 3))) }
        if step > 33 { frames.append((2, Records.inbound(stream: 2, UInt64(step - 34), call: 2))) }
        return frames
    }

    /// Items that end, one that is cut by the person, a pause, a new session, and a goodbye.
    private static let outboundLog: [KafkaRecord] = {
        var frames: [(Int, AudioFrame)] = []
        for sequence: UInt64 in 0..<8 { frames.append((1, Records.outbound(item: "item_a", sequence, call: 1))) }
        frames.append((1, Records.control(.endOfItem, item: "item_a", 8)))
        for sequence: UInt64 in 9..<14 {
            frames.append((1, Records.outbound(item: "item_b", sequence, call: 1)))
            frames.append((2, Records.outbound(item: "item_x", sequence - 9, call: 2)))
        }
        for sequence: UInt64 in 14..<18 {
            frames.append((1, Records.outbound(playout: 1, item: "item_c", sequence, call: 1)))
        }
        for sequence: UInt64 in 0..<6 {
            frames.append((1, Records.outbound(session: 9, playout: 1, item: "item_c", sequence, call: 1)))
            frames.append((2, Records.outbound(item: "item_x", sequence + 5, call: 2)))
        }
        frames.append((1, Records.control(.endOfItem, session: 9, item: "item_c", 6)))
        frames.append((1, Records.control(.hangUp, session: 9, item: "", 7)))
        return frames.enumerated().map {
            Records.record($1.1, .outbound, call: $1.0, offset: Int64($0))
        }
    }()

    private static func log(_ direction: Direction, _ frames: (Int) -> [(Int, AudioFrame)]) -> [KafkaRecord] {
        (0..<45).flatMap(frames).enumerated().map {
            Records.record($1.1, direction, call: $1.0, offset: Int64($0))
        }
    }

    private let start = ContinuousClock.now

    private func time(_ offset: Int) -> ContinuousClock.Instant { self.start + .milliseconds(7 * offset) }

    /// Runs over `log` from `first`, and is killed before `end`. The broker acknowledges `lag` records late, in pairs
    /// the wrong way round.
    /// - Returns: the offset stored at the end.
    private func run(
        _ log: [KafkaRecord],
        from first: Int,
        to end: Int,
        lag: Int,
        losesUnacknowledged: Bool,
        into reader: inout Reader
    ) throws -> Int {
        var state = TranscoderState(
            direction: log[0].topic.contains("inbound") ? .inbound : .outbound,
            topics: Records.topics
        )
        var acknowledged = first
        var sent: [Int: KafkaMessage] = [:]
        func acknowledge(below limit: Int) throws {
            while acknowledged + 2 <= limit {
                for offset in [acknowledged + 1, acknowledged] {
                    state.finished(Int64(offset))
                    if let message = sent.removeValue(forKey: offset) { try reader.read(message) }
                }
                acknowledged += 2
            }
        }
        for offset in first..<end {
            if case .send(let message, _) = state.receive(log[offset], at: self.time(offset)) { sent[offset] = message }
            try acknowledge(below: offset + 1 - lag)
        }
        if !losesUnacknowledged {
            for offset in sent.keys.sorted() { try reader.read(sent[offset]!) }
        }
        return Int(state.storableOffset(at: self.time(end)) ?? Int64(first))
    }

    private func whole(_ log: [KafkaRecord]) throws -> Reader {
        var reader = Reader()
        let stored = try self.run(log, from: 0, to: log.count, lag: 0, losesUnacknowledged: false, into: &reader)
        #expect(stored <= log.count)
        #expect(reader.frames.count == log.count)
        return reader
    }

    @Test(arguments: [0, 2, 9], [false, true])
    func `killed at any frame, the successor completes the same bytes`(lag: Int, loses: Bool) throws {
        for log in [Self.inboundLog, Self.outboundLog] {
            let expected = try self.whole(log)
            for kill in 0...log.count {
                var reader = Reader()
                let stored = try self.run(
                    log,
                    from: 0,
                    to: kill,
                    lag: lag,
                    losesUnacknowledged: loses,
                    into: &reader
                )
                #expect(stored <= kill)
                #expect(stored >= kill - lag - 14, "no more is read again than what is needed")
                _ = try self.run(
                    log,
                    from: stored,
                    to: log.count,
                    lag: 0,
                    losesUnacknowledged: false,
                    into: &reader
                )
                #expect(reader == expected, "killed before \(kill), resumed at \(stored)")
            }
        }
    }

    @Test func `killed again and again, the bytes are the same`() throws {
        for log in [Self.inboundLog, Self.outboundLog] {
            let expected = try self.whole(log)
            var reader = Reader()
            var next = 0
            var end = 0
            while end < log.count {
                end = min(log.count, end + 5)
                next = try self.run(
                    log,
                    from: next,
                    to: end,
                    lag: 3,
                    losesUnacknowledged: end < log.count,
                    into: &reader
                )
            }
            #expect(reader == expected)
        }
    }

    @Test func `without the frame before, the bytes would differ`() throws {
        let expected = try self.whole(Self.inboundLog)
        var reader = Reader()
        _ = try self.run(Self.inboundLog, from: 0, to: 40, lag: 0, losesUnacknowledged: false, into: &reader)
        _ = try self.run(
            Self.inboundLog,
            from: 40,
            to: Self.inboundLog.count,
            lag: 0,
            losesUnacknowledged: false,
            into: &reader
        )
        #expect(reader.frames.count == expected.frames.count)
        #expect(reader != expected)
    }
}
