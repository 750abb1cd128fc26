import Audio
import CallEvents
import Kafka
import NIOCore
import Testing

@testable import AudioTranscoder

@Suite struct TranscoderStateTests {
    private let start = ContinuousClock.now

    private static func frame(_ outcome: TranscoderState.Outcome) throws -> AudioFrame {
        guard case .send(let message, _) = outcome else { throw Unexpected(outcome: outcome) }
        return try AudioFrame(record: #require(message.value))
    }

    private struct Unexpected: Error {
        var outcome: TranscoderState.Outcome
    }

    @Test func `an inbound frame becomes PCM and keeps all the rest`() throws {
        var state = TranscoderState(direction: .inbound, topics: Records.topics)
        let frame = Records.inbound(0)
        let outcome = state.receive(Records.record(frame, .inbound, offset: 0), at: self.start)
        guard case .send(let message, missing: 0) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(message.topic == "test.audio.inbound.model")
        #expect(message.partition == nil)
        #expect(message.key == ByteBuffer(string: Records.callSid(1)))

        var expected = frame
        expected.codec = .pcm24k
        expected.payload = ByteBuffer()
        var converter = MulawToPCM24k()
        converter.convert(frame.payload, into: &expected.payload)
        #expect(try Self.frame(outcome) == expected)
    }

    @Test func `an outbound frame becomes mu-law and goes to the partition of the phone's ingress`() throws {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        let frame = Records.outbound(0)
        let outcome = state.receive(Records.record(frame, .outbound, offset: 0), at: self.start)
        guard case .send(let message, missing: 0) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(message.topic == "test.audio.outbound.phone")
        #expect(message.partition == 5)

        var expected = frame
        expected.codec = .pcmu
        expected.payload = ByteBuffer()
        var converter = PCM24kToMulaw()
        converter.convert(frame.payload, into: &expected.payload)
        #expect(try Self.frame(outcome) == expected)
    }

    @Test(arguments: [AudioFrame.Control.endOfItem, .hangUp, .clear])
    func `controls pass in order, without audio`(control: AudioFrame.Control) throws {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        _ = state.receive(Records.record(Records.outbound(0), .outbound, offset: 0), at: self.start)
        let frame = Records.control(control, 1)
        var expected = frame
        expected.codec = .pcmu
        let outcome = state.receive(Records.record(frame, .outbound, offset: 1), at: self.start)
        #expect(try Self.frame(outcome) == expected)
    }

    @Test func `frames that were seen, or belong to a replaced stream, are dropped`() {
        var state = TranscoderState(direction: .inbound, topics: Records.topics)
        let steps: [(stream: UInt32, sequence: UInt64, expected: String)] = [
            (1, 0, "sent"), (1, 1, "sent"), (1, 1, "repeated"), (1, 0, "repeated"), (1, 4, "sent, 2 missing"),
            (2, 0, "sent"), (1, 5, "stale"), (2, 1, "sent"), (2, 1, "repeated"), (3, 9, "sent"),
        ]
        for (offset, step) in steps.enumerated() {
            let frame = Records.inbound(stream: step.stream, step.sequence)
            let outcome = state.receive(Records.record(frame, .inbound, offset: Int64(offset)), at: self.start)
            #expect(Self.summary(outcome) == step.expected, "step \(offset)")
        }
    }

    @Test func `a new session begins a new order, and the old one is stale`() {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        let steps: [(session: Int64, sequence: UInt64, expected: String)] = [
            (7, 0, "sent"), (7, 1, "sent"), (9, 0, "sent"), (7, 2, "stale"), (9, 0, "repeated"), (9, 1, "sent"),
        ]
        for (offset, step) in steps.enumerated() {
            let frame = Records.outbound(session: step.session, step.sequence)
            let outcome = state.receive(Records.record(frame, .outbound, offset: Int64(offset)), at: self.start)
            #expect(Self.summary(outcome) == step.expected, "step \(offset)")
        }
    }

    @Test func `calls do not share a filter or an order`() throws {
        var together = TranscoderState(direction: .inbound, topics: Records.topics)
        var alone = TranscoderState(direction: .inbound, topics: Records.topics)
        for sequence: UInt64 in 0..<5 {
            let mine = Records.inbound(sequence, call: 1)
            let other = Records.inbound(sequence, call: 2)
            _ = together.receive(Records.record(other, .inbound, call: 2, offset: 2 * Int64(sequence)), at: self.start)
            let outcome = together.receive(
                Records.record(mine, .inbound, call: 1, offset: 2 * Int64(sequence) + 1),
                at: self.start
            )
            let expected = alone.receive(
                Records.record(mine, .inbound, call: 1, offset: Int64(sequence)),
                at: self.start
            )
            #expect(outcome == expected)
        }
        #expect(together.callCount == 2)
    }

    @Test func `the filter begins anew with each item, barge-in, stream and session`() throws {
        let frames = [
            Records.outbound(0), Records.outbound(1), Records.outbound(item: "item_b", 2),
            Records.outbound(playout: 1, item: "item_b", 3), Records.outbound(session: 8, item: "item_b", 0),
        ]
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        for (offset, frame) in frames.enumerated() {
            let outcome = state.receive(Records.record(frame, .outbound, offset: Int64(offset)), at: self.start)
            var fresh = ByteBuffer()
            var converter = PCM24kToMulaw()
            converter.convert(frame.payload, into: &fresh)
            #expect(try (Self.frame(outcome).payload == fresh) == (offset != 1), "frame \(offset)")
        }
    }

    @Test func `frames that cannot be converted are dropped, and logged once for a call`() {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        var short = Records.outbound(0)
        short.payload = ByteBuffer(repeating: 0, count: 958)
        var empty = Records.outbound(1)
        empty.payload = ByteBuffer()
        var loud = Records.control(.endOfItem, 2)
        loud.payload = ByteBuffer(repeating: 0, count: 960)
        var phone = Records.outbound(3)
        phone.codec = .pcmu
        var nowhere = Records.outbound(4)
        nowhere.outboundPartition = 12
        var negative = Records.outbound(5)
        negative.outboundPartition = -1
        let faults: [(AudioFrame, TranscoderState.Drop)] = [
            (short, .length), (empty, .length), (loud, .length), (phone, .codec), (nowhere, .partition),
            (negative, .partition),
        ]
        for (offset, (frame, reason)) in faults.enumerated() {
            let outcome = state.receive(Records.record(frame, .outbound, offset: Int64(offset)), at: self.start)
            #expect(outcome == .drop(reason, isFirst: offset == 0))
        }
        let other = state.receive(Records.record(short, .outbound, call: 2, offset: 6), at: self.start)
        #expect(other == .drop(.length, isFirst: true))
        let good = state.receive(Records.record(Records.outbound(0), .outbound, offset: 7), at: self.start)
        #expect(Self.summary(good) == "sent")
        #expect(state.storableOffset(at: self.start) == 7)  // The good one is under way.
    }

    @Test func `records that cannot be read are for the dead letters and keep the offset back`() {
        var state = TranscoderState(direction: .inbound, topics: Records.topics)
        var value = ByteBuffer()
        Records.inbound(0).write(to: &value)
        let sid = Records.callSid(1)
        let unreadable: [(KafkaRecord, String)] = [
            (Records.record(nil, .inbound, key: sid, offset: 0), "no value"),
            (Records.record(value, .inbound, key: nil, offset: 1), "the key is no call identifier"),
            (Records.record(value, .inbound, key: "someone", offset: 2), "the key is no call identifier"),
            (Records.record(ByteBuffer(), .inbound, key: sid, offset: 3), "not an AudioFrame: badCodec"),
            (Records.record(ByteBuffer(bytes: [0xff]), .inbound, key: sid, offset: 4), "not an AudioFrame: truncated"),
        ]
        for (record, reason) in unreadable {
            // Of the call, and of what is no call's.
            let isFirst = record.offset < 2
            #expect(state.receive(record, at: self.start) == .unreadable(reason: reason, isFirst: isFirst))
        }
        #expect(state.callCount == 0)
        #expect(state.storableOffset(at: self.start) == 0)
        for offset: Int64 in 0..<5 { state.finished(offset) }
        #expect(state.storableOffset(at: self.start) == 5)
        #expect(state.isFinished)
    }

    @Test func `a call in progress keeps back its last frame, for two seconds`() {
        var state = TranscoderState(direction: .inbound, topics: Records.topics)
        for sequence: UInt64 in 0..<3 {
            let record = Records.record(Records.inbound(sequence), .inbound, offset: 100 + Int64(sequence))
            _ = state.receive(record, at: self.start)
            state.finished(record.offset)
        }
        #expect(state.storableOffset(at: self.start) == 102)
        #expect(state.storableOffset(at: self.start + TranscoderState.defaultHold) == 102)
        #expect(state.storableOffset(at: self.start + TranscoderState.defaultHold + .milliseconds(1)) == 103)
        #expect(state.callCount == 1)
    }

    @Test func `an item that has ended keeps nothing back`() {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        for (offset, frame) in [Records.outbound(0), Records.control(.endOfItem, 1)].enumerated() {
            _ = state.receive(Records.record(frame, .outbound, offset: Int64(offset)), at: self.start)
            state.finished(Int64(offset))
        }
        #expect(state.storableOffset(at: self.start) == 2)
    }

    @Test func `a call is forgotten after a minute without frames`() {
        var state = TranscoderState(direction: .inbound, topics: Records.topics)
        _ = state.receive(Records.record(Records.inbound(0), .inbound, call: 1, offset: 0), at: self.start)
        let later = self.start + .seconds(40)
        _ = state.receive(Records.record(Records.inbound(0), .inbound, call: 2, offset: 1), at: later)
        _ = state.storableOffset(at: self.start + TranscoderState.memory)
        #expect(state.callCount == 2)
        _ = state.storableOffset(at: self.start + TranscoderState.memory + .seconds(1))
        #expect(state.callCount == 1)
    }

    private static func summary(_ outcome: TranscoderState.Outcome) -> String {
        switch outcome {
        case .send(_, missing: 0): "sent"
        case .send(_, let missing): "sent, \(missing) missing"
        case .gated(let gated): "\(gated.outputs.count) through the gate"
        case .drop(let reason, _): reason.rawValue
        case .unreadable(let reason, _): "unreadable: \(reason)"
        }
    }
}
