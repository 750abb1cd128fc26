import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct GroupTests {
    private let broker: EmbeddedBroker
    private let lead: String
    private let companion: String

    init() throws {
        self.broker = try EmbeddedBroker()
        self.lead = self.broker.topics[.commands]
        self.companion = self.broker.topics[.audioInboundModel]
    }

    private func member(_ instanceID: String) throws -> GroupMember {
        try GroupMember(
            .init(group: "g", topics: [self.lead], companions: [self.companion]),
            on: self.broker,
            instanceID: instanceID
        )
    }

    /// Counts up in every partition of both topics until it is cancelled.
    private func produceUntilCancelled() async throws -> Int {
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        var round = 0
        while !Task.isCancelled {
            let value = ByteBuffer(integer: round)
            let messages = (0..<self.broker.topics.partitions).flatMap { partition in
                [self.lead, self.companion].map {
                    KafkaMessage(topic: $0, partition: partition, key: ByteBuffer(string: "k"), value: value)
                }
            }
            // Not cancelled half-way: what is produced is counted.
            _ = try await Task { try await producer.deliver(messages) }.value
            round += 1
            try? await Task.sleep(for: .milliseconds(20))
        }
        return round
    }

    @Test func `companions stay with their lead through scale-out and scale-in, and no record is missed`() async throws
    {
        let production = Task { try await self.produceUntilCancelled() }
        let first = try self.member("a")
        try await eventually("all partitions at the first") { first.seen.held.count == 4 }
        let second = try self.member("b")
        try await eventually("half of them at the second", timeout: .seconds(25)) {
            first.seen.held.count == 2 && second.seen.held.count == 2
        }
        #expect(first.seen.held.isDisjoint(with: second.seen.held))
        let taken = second.seen.held
        try await eventually("records of both topics at the second") {
            taken.allSatisfy { number in
                [self.lead, self.companion].allSatisfy { topic in
                    second.seen.records.contains { $0.topic == topic && $0.partition == number }
                }
            }
        }
        try await first.leave()
        try await eventually("all partitions at the second", timeout: .seconds(25)) { second.seen.held.count == 4 }

        production.cancel()
        let rounds = try await production.value
        let all = { first.seen.records + second.seen.records }
        try await eventually("all records") {
            Set(all().map { "\($0.topic) \($0.partition) \($0.offset)" }).count == rounds * 8
        }
        try await second.leave()
        // Both offsets were committed at each revocation: nothing was read twice.
        #expect(all().count == rounds * 8)
        // A record only came to a member that held its partition number, on either topic.
        #expect(first.seen.strays + second.seen.strays == 0)

        let third = try self.member("c")
        try await eventually("all partitions at the third") { third.seen.held.count == 4 }
        try await third.leave()
        #expect(third.seen.records.isEmpty)
    }

    @Test func `a consumer that is busy beyond max.poll.interval.ms stays in its group and misses nothing`()
        async throws
    {
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        let message = { (value: Int) in
            KafkaMessage(
                topic: self.lead,
                partition: 0,
                key: ByteBuffer(string: "k"),
                value: ByteBuffer(integer: value)
            )
        }
        try await producer.deliver([message(0)])
        let member = try GroupMember(
            .init(group: "g", topics: [self.lead]),
            on: self.broker,
            properties: ["max.poll.interval.ms": "4500", "session.timeout.ms": "4000"]
        ) { _, event in
            // What is slow here is the work itself.
            if case .records(let records) = event, records.values == [0] { try await Task.sleep(for: .seconds(7)) }
        }
        try await eventually("the first record") { member.seen.records.count == 1 }
        try await producer.deliver((1..<20).map(message))
        try await eventually("the others", timeout: .seconds(20)) { member.seen.records.count == 20 }
        #expect(member.seen.records.values == Array(0..<20))
        #expect(member.seen.diary == ["assigned [0, 1, 2, 3]"])
        try await member.leave()
    }

    /// Ended: the consumer's sequence, and with it the service.
    private func leaves(_ member: GroupMember) async throws {
        let began = ContinuousClock.now
        try await member.leave()
        // A commit, leaving and closing have their limits, 11 s together; without one it would be minutes.
        #expect(began.duration(to: .now) < .seconds(30))
    }

    @Test func `a member leaves although its broker went away while it joined`() async throws {
        let first = try self.member("a")
        try await eventually("all partitions at the first") { first.seen.held.count == 4 }
        let second = try self.member("b")
        try await eventually("the group rebalances", timeout: .seconds(25)) { first.seen.held.count < 4 }
        self.broker.cluster.setReachable(false)
        try await self.leaves(second)
        try await self.leaves(first)
    }

    @Test func `a member leaves although its broker does not answer any more`() async throws {
        let cluster = self.broker.cluster
        let member = try GroupMember(.init(group: "g", topics: [self.lead]), on: self.broker) { _, event in
            if case .records = event { cluster.delayAnswers(by: .seconds(600)) }
        }
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        let (key, value) = (ByteBuffer(string: "k"), ByteBuffer(integer: 1))
        try await producer.deliver([KafkaMessage(topic: self.lead, key: key, value: value)])
        // Its offset is still to be committed.
        try await eventually("the record") { member.seen.records.count == 1 }
        try await self.leaves(member)
    }
}
