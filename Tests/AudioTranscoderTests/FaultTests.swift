import CallEvents
import Kafka
import NIOCore
import Testing

@testable import AudioTranscoder

/// Frames that should not have come: counted by their reasons, reported once for a call, and no more than that.
@Suite struct FaultTests {
    private let start = ContinuousClock.now

    @Test func `the first fault of a call is reported, of whatever kind, and the next ones are not`() {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        for (offset, (record, reason)) in Self.faults(call: 1).enumerated() {
            let outcome = state.receive(record(Int64(offset)), at: self.start)
            #expect(outcome == Self.outcome(reason, isFirst: offset == 0), "fault \(offset)")
        }
        for (record, reason) in Self.faults(call: 2) {
            var state = TranscoderState(direction: .outbound, topics: Records.topics)
            let outcome = state.receive(record(0), at: self.start)
            #expect(outcome == Self.outcome(reason, isFirst: true))
            #expect(state.callCount == 0)
        }
    }

    @Test func `a frame of a replaced session is a fault, and a repeated one is not`() {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        let frames: [(AudioFrame, TranscoderState.Outcome?)] = [
            (Records.outbound(session: 8, 0), nil),
            (Records.outbound(session: 8, 0), .drop(.repeated, isFirst: false)),
            (Records.outbound(session: 7, 5), .drop(.stale, isFirst: true)),
            (Records.outbound(session: 7, 6), .drop(.stale, isFirst: false)),
            (Records.outbound(session: 8, 1), nil),
        ]
        for (offset, (frame, expected)) in frames.enumerated() {
            let outcome = state.receive(Records.record(frame, .outbound, offset: Int64(offset)), at: self.start)
            if let expected { #expect(outcome == expected) } else { #expect(Self.isSent(outcome)) }
        }
    }

    @Test func `faults neither change the call's audio nor keep its history longer`() {
        var disturbed = TranscoderState(direction: .outbound, topics: Records.topics)
        var undisturbed = TranscoderState(direction: .outbound, topics: Records.topics)
        var offset: Int64 = 0
        for sequence: UInt64 in 0..<5 {
            let record = Records.record(Records.outbound(sequence), .outbound, offset: offset)
            #expect(disturbed.receive(record, at: self.start) == undisturbed.receive(record, at: self.start))
            disturbed.finished(offset)
            offset += 1
            for (record, _) in Self.faults(call: 1) {
                _ = disturbed.receive(record(offset), at: self.start)
                disturbed.finished(offset)
                offset += 1
            }
        }
        let later = self.start + TranscoderState.memory + .seconds(1)
        _ = disturbed.receive(Self.faults(call: 1)[0].record(offset), at: later)
        #expect(disturbed.storableOffset(at: later) == offset + 1)
        #expect(disturbed.callCount == 0)
    }

    @Test func `a call without faults for a minute is reported again`() {
        var state = TranscoderState(direction: .outbound, topics: Records.topics)
        let fault = Self.faults(call: 1)[0]
        for (offset, (second, isFirst)) in [(0, true), (50, false), (100, false), (161, true)].enumerated() {
            let now = self.start + .seconds(second)
            _ = state.storableOffset(at: now)
            let outcome = state.receive(fault.record(Int64(offset)), at: now)
            #expect(outcome == Self.outcome(fault.reason, isFirst: isFirst), "after \(second) s")
        }
    }

    @Test func `whoever invents keys gets one line, and room for a thousand calls is enough`() {
        var faults = ReportedFaults()
        var reports = 0
        for number in 0..<2_000 where faults.note(ByteBuffer(string: Records.callSid(number)), at: self.start) {
            reports += 1
        }
        #expect(reports == 1_000)
        faults.forget(before: self.start + .seconds(1))
        let reported = [faults.note(nil, at: self.start), faults.note(nil, at: self.start)]
        #expect(reported == [true, false])
    }

    private static func isSent(_ outcome: TranscoderState.Outcome) -> Bool {
        if case .send = outcome { true } else { false }
    }

    private static func outcome(_ reason: Reason, isFirst: Bool) -> TranscoderState.Outcome {
        switch reason {
        case .drop(let drop): .drop(drop, isFirst: isFirst)
        case .unreadable(let reason): .unreadable(reason: reason, isFirst: isFirst)
        }
    }

    enum Reason {
        case drop(TranscoderState.Drop)
        case unreadable(String)
    }

    /// One of each kind that a single outbound record can show, by the offset that it is given.
    static func faults(call: Int) -> [(record: (Int64) -> KafkaRecord, reason: Reason)] {
        func frame(_ change: (inout AudioFrame) -> Void) -> (Int64) -> KafkaRecord {
            var frame = Records.outbound(1_000_000, call: call)
            change(&frame)
            return { [frame] in Records.record(frame, .outbound, call: call, offset: $0) }
        }
        func value(_ value: ByteBuffer?) -> (Int64) -> KafkaRecord {
            { Records.record(value, .outbound, key: Records.callSid(call), offset: $0) }
        }
        return [
            (frame { $0.payload = ByteBuffer(repeating: 0, count: 958) }, .drop(.length)),
            (frame { $0.payload = ByteBuffer() }, .drop(.length)),
            (frame { $0.control = .endOfItem }, .drop(.length)),
            (frame { $0.codec = .pcmu }, .drop(.codec)),
            (frame { $0.outboundPartition = 12 }, .drop(.partition)),
            (frame { $0.outboundPartition = -1 }, .drop(.partition)),
            (value(nil), .unreadable("no value")),
            (value(ByteBuffer(bytes: [0xff])), .unreadable("not an AudioFrame: truncated")),
            (value(ByteBuffer()), .unreadable("not an AudioFrame: badCodec")),
        ]
    }
}
