import CallEvents
import Kafka
import NIOCore
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import TwilioIngress

@Suite(.timeLimit(.minutes(1))) struct TelephonyDeskTests {
    private final class Stored: Sendable {
        private let state = Mutex<[Int64]>([])
        var offsets: [Int64] { self.state.withLock { $0 } }
        func add(_ offset: Int64) { self.state.withLock { $0.append(offset) } }
    }

    private let stored = Stored()
    private let desk: TelephonyDesk

    init() {
        self.desk = TelephonyDesk(limit: 2) { [stored] offset, partition in
            if partition == KafkaTopicPartition(topic: "telephony", partition: 1) { stored.add(offset) }
        }
    }

    private func receive(_ call: String, _ offset: Int64) {
        let record = KafkaRecord(
            topic: "telephony",
            partition: 1,
            offset: offset,
            key: ByteBuffer(string: call),
            value: ByteBuffer()
        )
        self.desk.received(TelephonyWork(record))
    }

    @Test func `what is under way when a partition goes comes to its end and is stored`() async throws {
        self.receive("a", 0)
        self.receive("a", 1)
        let assignment = try #require(self.desk.next())
        let release = Promise<Void>()
        await withDiscardingTaskGroup { group in
            group.addTask {
                if await assignment.carryOut({ _ in try await release.value }) { self.desk.finished(assignment) }
            }
            group.addTask { await self.desk.settle([1], within: .seconds(30)) }
            release.fulfil(())
        }
        #expect(self.stored.offsets == [1])
        #expect(self.desk.next() == nil)
    }

    @Test func `what does not come to its end is stopped, and not stored`() async throws {
        self.receive("a", 0)
        let assignment = try #require(self.desk.next())
        await withDiscardingTaskGroup { group in
            group.addTask {
                let isDone = await assignment.carryOut { _ in try await Task.sleep(for: .seconds(600)) }
                #expect(!isDone)
            }
            await self.desk.settle([1], within: .milliseconds(50))
        }
        #expect(self.stored.offsets.isEmpty)
    }

    @Test func `a lost partition's work stops at once`() async throws {
        self.receive("a", 0)
        let assignment = try #require(self.desk.next())
        async let isDone = assignment.carryOut { _ in try await Task.sleep(for: .seconds(600)) }
        self.desk.drop([1])
        #expect(await !isDone)
        self.desk.finished(assignment)
        #expect(self.stored.offsets.isEmpty)
    }

    @Test func `waits for room until there is some`() async throws {
        for offset in 0..<3 as Range<Int64> { self.receive("call-\(offset)", offset) }
        await self.desk.waitForRoom(below: 4, within: .seconds(600))
        let first = try #require(self.desk.next())
        _ = try #require(self.desk.next())
        #expect(self.desk.next() == nil)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.desk.waitForRoom(below: 1, within: .seconds(600)) }
            self.desk.finished(first)
            if let third = self.desk.next() { self.desk.finished(third) }
        }
        #expect(self.stored.offsets == [1, 1])
    }

    @Test func `a record is a command of the call that its key names, or is put aside`() throws {
        let callSid = CallSid.random()
        var command = TelephonyCommand()
        command.commandID = "c"
        command.callSid = callSid.rawValue
        func work(_ command: TelephonyCommand, key: String? = nil) throws -> TelephonyWork {
            let value: [UInt8] = try command.serializedBytes()
            return TelephonyWork(
                KafkaRecord(
                    topic: "t",
                    partition: 0,
                    offset: 0,
                    key: ByteBuffer(string: key ?? command.callSid),
                    value: ByteBuffer(bytes: value)
                )
            )
        }
        func isUnreadable(_ work: TelephonyWork) -> Bool {
            if case .unreadable = work.content { true } else { false }
        }
        #expect(try !isUnreadable(work(command)))
        #expect(try isUnreadable(work(command, key: "CA1")))
        #expect(try isUnreadable(work(.with { $0.callSid = callSid.rawValue })))
        #expect(try isUnreadable(work(.with { $0.commandID = "c" })))
        for value in [nil, ByteBuffer(string: "garbage")] {
            let record = KafkaRecord(topic: "t", partition: 0, offset: 0, key: nil, value: value)
            #expect(isUnreadable(TelephonyWork(record)))
        }
    }
}
