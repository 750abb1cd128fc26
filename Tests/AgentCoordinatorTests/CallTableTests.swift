import Agents
import CallEvents
import CallFlow
import Kafka
import NIOCore
import SwiftProtobuf
import Testing

@testable import AgentCoordinator

@Suite struct CallTableTests {
    private let sid = Deployment.callSid

    private func event(_ body: CallEvent.OneOf_Body, atUs: Int64 = 1) -> CallEvent {
        .with {
            $0.callSid = self.sid
            $0.occurredAtUs = atUs
            $0.body = body
        }
    }

    @Test func `an event that the snapshot includes is passed over`() {
        var table = CallTable()
        var snapshot = CallState(callSid: self.sid)
        snapshot.appliedOffset = 5
        table.load(0, [self.sid: snapshot])
        #expect(table.apply(self.event(.requested), partition: 0, offset: 5) == nil)
        #expect(table.apply(self.event(.requested), partition: 0, offset: 6)?.outputs.count == 1)
    }

    @Test func `a call is removed an hour after its end`() {
        var table = CallTable()
        _ = table.apply(self.event(.requested), partition: 0, offset: 0)
        #expect(table.active == 1)
        #expect(table.removeExpired(nowUs: .max / 2).isEmpty)
        _ = table.apply(self.event(.status("completed", 3), atUs: 1_000), partition: 0, offset: 1)
        #expect(table.active == 0)
        #expect(table.removeExpired(nowUs: CallTable.keptAfterEndUs + 999).isEmpty)
        #expect(table.removeExpired(nowUs: CallTable.keptAfterEndUs + 1_000) == [self.sid])
        #expect(table.removeExpired(nowUs: CallTable.keptAfterEndUs + 1_000).isEmpty)
    }

    @Test func `a partition that is gone takes its calls along`() {
        var table = CallTable()
        _ = table.apply(self.event(.requested), partition: 3, offset: 0)
        table.unload(3)
        #expect(table.active == 0)
    }

    @Test func `the newest snapshot of a call counts, a tombstone removes it, an unreadable one is passed over`() throws
    {
        func record(_ offset: Int64, _ key: String, _ value: ByteBuffer?) -> KafkaRecord {
            KafkaRecord(topic: "state", partition: 0, offset: offset, key: ByteBuffer(string: key), value: value)
        }
        func state(_ callSid: String, _ applied: Int64) throws -> ByteBuffer {
            var state = CallState(callSid: callSid)
            state.appliedOffset = applied
            return ByteBuffer(bytes: try state.serializedBytes() as [UInt8])
        }
        var snapshots = Snapshots()
        snapshots.take(record(0, "a", try state("a", 1)))
        snapshots.take(record(1, "b", try state("b", 9)))
        snapshots.take(record(2, "a", try state("a", 4)))
        snapshots.take(record(3, "a", ByteBuffer(bytes: [0xff])))
        snapshots.take(record(4, "a", try state("c", 20)))
        snapshots.take(record(5, "b", nil))
        #expect(snapshots.calls.mapValues(\.appliedOffset) == ["a": 4])
        #expect(snapshots.appliedOffset == 9)
    }

    @Test func `a removed call is a tombstone, and each input goes on behind its last record`() throws {
        var batch = CoordinatorBatch(topics: TopicNames(), source: "test", clockUs: 1)
        for offset: Int64 in [4, 6, 5] {
            batch.consumed(KafkaRecord(topic: "voice.events", partition: 1, offset: offset, key: nil, value: nil))
        }
        batch.remove(self.sid)
        #expect(batch.offsets == [KafkaTopicPartition(topic: "voice.events", partition: 1): 7])
        #expect(
            try batch.messages == [KafkaMessage(topic: "voice.state", key: ByteBuffer(string: self.sid), value: nil)]
        )
    }
}
