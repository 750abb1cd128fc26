import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConsumerTests {
    private let broker: EmbeddedBroker
    private let topic: String
    private let producer: KafkaProducer

    init() throws {
        self.broker = try EmbeddedBroker()
        self.topic = self.broker.topics[.events]
        self.producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
    }

    private func produce(_ values: some Sequence<Int>, to partition: Int32 = 0) async throws {
        try await self.producer.deliver(
            values.map { value in
                KafkaMessage(
                    topic: self.topic,
                    partition: partition,
                    key: ByteBuffer(string: "k"),
                    value: ByteBuffer(integer: value)
                )
            }
        )
    }

    @Test func `the next member goes on behind what the one before had stored`() async throws {
        for partition in 0..<4 as Range<Int32> { try await self.produce(0..<25, to: partition) }
        let first = try GroupMember(.init(group: "g", topics: [self.topic]), on: self.broker)
        try await eventually("all records") { first.seen.records.count == 100 }
        try await first.leave()
        #expect(first.seen.diary == ["assigned [0, 1, 2, 3]", "revoked [0, 1, 2, 3]"])
        for partition in 0..<4 as Range<Int32> {
            #expect(first.seen.records.filter { $0.partition == partition }.values == Array(0..<25))
        }

        try await self.produce([25], to: 2)
        let second = try GroupMember(.init(group: "g", topics: [self.topic]), on: self.broker)
        try await eventually("the new record") { !second.seen.records.isEmpty }
        try await second.leave()
        #expect(second.seen.records.values == [25])
    }

    @Test func `what is stored while a revocation is dealt with is committed by it`() async throws {
        let topic = self.topic
        try await self.produce(0..<10)
        let member = try GroupMember(
            .init(group: "g", topics: [topic]),
            on: self.broker,
            // Only the revocation can commit.
            properties: ["auto.commit.interval.ms": "600000"],
            stores: false
        ) { consumer, event in
            if case .revoked = event { consumer.store(7, for: .init(topic: topic, partition: 0)) }
        }
        try await eventually("all records") { member.seen.records.count == 10 }
        try await member.leave()

        let next = try GroupMember(.init(group: "g", topics: [topic]), on: self.broker)
        try await eventually("the rest") { next.seen.records.values == [7, 8, 9] }
        try await next.leave()
    }

    @Test func `a lost partition is told, its offsets are not kept, and reading starts again`() async throws {
        let topic = self.topic
        try await self.produce(0..<3)
        let member = try GroupMember(
            .init(group: "g", topics: [topic]),
            on: self.broker,
            properties: ["auto.commit.interval.ms": "600000"],
            stores: false
        ) { consumer, event in
            if case .lost = event { consumer.store(3, for: .init(topic: topic, partition: 0)) }
        }
        try await eventually("all records") { member.seen.records.count == 3 }
        self.broker.cluster.fail(.heartbeat, with: [.unknownMember])
        try await eventually("all records again", timeout: .seconds(20)) { member.seen.records.count == 6 }
        #expect(member.seen.diary == ["assigned [0, 1, 2, 3]", "lost [0, 1, 2, 3]", "assigned [0, 1, 2, 3]"])
        try await member.leave()
    }

    @Test func `a member whose identity was taken over loses its partitions and throws`() async throws {
        let member = try GroupMember(
            .init(group: "g", topics: [self.topic]),
            on: self.broker,
            properties: ["group.instance.id": "me"],
            logger: .silent
        )
        try await eventually("the assignment") { member.consumer.isReady }
        self.broker.cluster.fail(.heartbeat, with: [.fencedInstance])
        let error = await #expect(throws: KafkaError.self) { try await member.ended() }
        #expect(error?.code == .fenced)
        #expect(member.seen.diary.last == "lost [0, 1, 2, 3]")
    }

    @Test func `a member that is fenced after a session time-out of its own joins again, once in a while`() async throws
    {
        let topic = self.topic
        try await self.produce(0..<3)
        let member = try GroupMember(
            .init(group: "g", topics: [topic]),
            on: self.broker,
            properties: ["group.instance.id": "me"],
            logger: .silent
        )
        try await eventually("all records") { member.seen.records.count == 3 }
        try await self.stall(until: "the loss") { member.seen.held.isEmpty }
        try await eventually("the partitions again", timeout: .seconds(25)) { member.seen.held.count == 4 }
        try await self.produce(3..<6)
        try await eventually("what came since") { Set(member.seen.records.values) == Set(0..<6) }
        #expect(member.seen.diary == ["assigned [0, 1, 2, 3]", "lost [0, 1, 2, 3]", "assigned [0, 1, 2, 3]"])

        try await self.stall(until: "the second loss") { member.seen.held.isEmpty }
        let error = await #expect(throws: KafkaError.self) { try await member.ended() }
        #expect(error?.code == .fenced)
    }

    /// The broker is away for longer than the session time-out, and then takes the member for another one.
    private func stall(until what: String, _ condition: () -> Bool) async throws {
        self.broker.cluster.setReachable(false)
        try await eventually(what, timeout: .seconds(20), condition: condition)
        self.broker.cluster.fail(.joinGroup, with: [.fencedInstance])
        self.broker.cluster.setReachable(true)
    }

    @Test func `an assignment can be placed, paused, resumed and moved`() async throws {
        let topic = self.topic
        let partition = KafkaTopicPartition(topic: topic, partition: 0)
        try await self.produce(0..<10)
        let member = try GroupMember(.init(group: "g", topics: [topic]), on: self.broker) { consumer, event in
            if case .assigned = event { consumer.start(partition, at: .offset(8)) }
        }
        try await eventually("the last two") { member.seen.records.values == [8, 9] }

        try member.consumer.pause([partition])
        try await self.produce([10])
        try await self.produce([0], to: 1)
        try await eventually("the other partition") { member.seen.records.count == 3 }
        #expect(member.seen.records.last?.partition == 1)

        try member.consumer.resume([partition])
        try await eventually("the paused record") { member.seen.records.values == [8, 9, 0, 10] }
        try await member.consumer.seek(partition, to: 4)
        try await eventually("all from there") { member.seen.records.values == [8, 9, 0, 10, 4, 5, 6, 7, 8, 9, 10] }
        try await member.leave()
        await #expect(throws: KafkaError.self) { try await member.consumer.seek(partition, to: 0) }
    }

    @Test func `an offset out of range goes on at the end for some topics, at the beginning for the others`()
        async throws
    {
        let live = self.broker.topics[.live]
        try await self.produce(0..<3)
        try await self.producer.deliver([
            KafkaMessage(topic: live, partition: 0, key: ByteBuffer(string: "k"), value: ByteBuffer(integer: 1))
        ])
        let member = try GroupMember(
            .init(
                group: "g",
                topics: [self.topic],
                companions: [live],
                positions: [self.topic: .offset(1_000), live: .offset(1_000)],
                endWhenOutOfRange: [live]
            ),
            on: self.broker
        )
        try await eventually("the others from their beginning") { member.seen.records.count == 3 }
        try await eventually("what comes later to the ones at their end") {
            try await self.producer.deliver([
                KafkaMessage(topic: live, partition: 0, key: ByteBuffer(string: "k"), value: ByteBuffer(integer: 2))
            ])
            return member.seen.records.contains { $0.topic == live }
        }
        #expect(member.seen.records.filter { $0.topic == live }.values.contains(1) == false)
        try await member.leave()
    }

    @Test func `a topic without committed offsets can begin at its end`() async throws {
        try await self.produce(0..<3)
        let member = try GroupMember(
            .init(group: "g", topics: [self.topic], positions: [self.topic: .committed(otherwise: .end)]),
            on: self.broker
        )
        try await eventually("something new") {
            try await self.produce([3])
            return !member.seen.records.isEmpty
        }
        #expect(member.seen.records.first?.value.map { Int(buffer: $0) } == 3)
        try await member.leave()
    }

    @Test func `records wake the reader at once`() async throws {
        let member = try GroupMember(.init(group: "g", topics: [self.topic]), on: self.broker)
        try await eventually("the assignment") { member.consumer.isReady }
        var latencies: [Duration] = []
        for value in 0..<30 {
            let start = ContinuousClock.now
            try await self.produce([value])
            try await eventually("the record", every: .milliseconds(1)) { member.seen.records.count == value + 1 }
            latencies.append(ContinuousClock.now - start)
        }
        try await member.leave()
        // A timer that polls would show as its interval; the mock itself holds a fetch for up to 5 ms.
        #expect(latencies.sorted()[15] < .milliseconds(50))
    }

    @Test func `a graceful shutdown revokes, leaves and ends at once`() async throws {
        let member = MemberService(
            consumer: try KafkaConsumer(
                .init(group: "g", topics: [self.topic]),
                configuration: self.broker.configuration(),
                logger: .quiet
            )
        )
        let services = RunningServices([member])
        try await eventually("the assignment") { member.consumer.isReady }
        let start = ContinuousClock.now
        try await services.stop()
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(member.wasRevoked.isSet)
    }

    @Test func `a member whose broker is away ends all the same`() async throws {
        try await self.produce(0..<3)
        let member = try GroupMember(.init(group: "g", topics: [self.topic]), on: self.broker)
        try await eventually("the records") { member.seen.records.count == 3 }
        self.broker.cluster.setReachable(false)
        let start = ContinuousClock.now
        try await member.leave()
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(member.seen.diary.last == "revoked [0, 1, 2, 3]")
    }

    @Test func `a consumer that nobody reads any more leaves its group`() async throws {
        var consumer: KafkaConsumer? = try KafkaConsumer(
            .init(group: "g", topics: [self.topic]),
            configuration: self.broker.configuration(),
            logger: .quiet
        )
        if let consumer {
            var events = consumer.makeAsyncIterator()
            guard case .assigned = try await events.next() else {
                Issue.record("no assignment")
                return
            }
            _ = consumer.assignment
        }
        consumer = nil
        let next = try GroupMember(.init(group: "g", topics: [self.topic]), on: self.broker)
        try await eventually("its partitions", timeout: .seconds(15)) { next.seen.held == [0, 1, 2, 3] }
        try await next.leave()
    }

    @Test func `companions need one lead topic`() throws {
        #expect(throws: KafkaError.self) {
            try KafkaConsumer(
                .init(group: "g", topics: ["a", "b"], companions: ["c"]),
                configuration: self.broker.configuration(),
                logger: .quiet
            )
        }
    }
}

private struct MemberService: Service {
    let consumer: KafkaConsumer
    let wasRevoked = Flag()

    final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { self.value.load(ordering: .sequentiallyConsistent) }
        func set() { self.value.store(true, ordering: .sequentiallyConsistent) }
    }

    func run() async throws {
        for try await event in self.consumer {
            if case .revoked = event { self.wasRevoked.set() }
        }
    }
}

extension [KafkaRecord] {
    /// The values as integers, in order.
    var values: [Int] { self.compactMap { $0.value.map { Int(buffer: $0) } } }
}

extension Int {
    init(buffer: ByteBuffer) { self = buffer.getInteger(at: buffer.readerIndex) ?? -1 }
}
