import CallEvents
import Kafka
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ProducerTests {
    let broker: EmbeddedBroker

    init() throws { self.broker = try EmbeddedBroker() }

    private func producer(
        _ kind: KafkaProducer.Kind = .events,
        _ properties: [String: String] = [:]
    ) throws -> KafkaProducer {
        try KafkaProducer(kind, configuration: self.broker.configuration(properties: properties), logger: .quiet)
    }

    @Test func `key, value, headers and an explicit partition come back as they went`() async throws {
        let topic = self.broker.topics[.events]
        let message = KafkaMessage(
            topic: topic,
            partition: 3,
            key: ByteBuffer(string: "CA1"),
            value: ByteBuffer(bytes: [0, 1, 2, 255]),
            headers: [
                KafkaHeader("ce_id", ByteBuffer(string: "42")), KafkaHeader("empty", ByteBuffer()),
                KafkaHeader("null", nil),
            ]
        )
        let deliveries = try await self.producer().deliver([message])
        #expect(deliveries == [.init(partition: 3, offset: 0)])

        let records = try await self.broker.records(in: topic, partition: 3)
        #expect(records.count == 1)
        let record = try #require(records.first)
        #expect(record.key == message.key)
        #expect(record.value == message.value)
        #expect(record.headers == message.headers)
        #expect(record.topic == topic && record.partition == 3 && record.offset == 0)
        #expect(record.timestampMs > 1_700_000_000_000)
    }

    @Test func `a tombstone is a null value, and an empty value is not`() async throws {
        let topic = self.broker.topics[.state]
        let key = ByteBuffer(string: "CA1")
        try await self.producer().deliver([
            KafkaMessage(topic: topic, partition: 0, key: key, value: nil),
            KafkaMessage(topic: topic, partition: 0, key: key, value: ByteBuffer()),
            KafkaMessage(topic: topic, partition: 0, key: key, value: nil, headers: [KafkaHeader("a", nil)]),
        ])
        let records = try await self.broker.records(in: topic, partition: 0)
        #expect(records.map(\.value) == [nil, ByteBuffer(), nil])
    }

    @Test func `librdkafka puts a key where KeyPartition says`() async throws {
        let topic = self.broker.topics[.live]
        let producer = try self.producer()
        for length in [1, 2, 3, 4, 7, 16, 34] {
            let key = String(repeating: "k\(length)", count: length)
            let message = KafkaMessage(topic: topic, key: ByteBuffer(string: key), value: ByteBuffer(string: "v"))
            let delivery = try await producer.deliver([message])
            #expect(delivery.first?.partition == KeyPartition.of(key, count: self.broker.topics.partitions))
        }
    }

    @Test func `a full queue refuses, and deliver waits for room, in order`() async throws {
        let topic = self.broker.topics[.events]
        let producer = try self.producer(.events, ["queue.buffering.max.messages": "10"])
        let message = { (value: Int) in
            KafkaMessage(
                topic: topic,
                partition: 0,
                key: ByteBuffer(string: "k"),
                value: ByteBuffer(integer: value)
            )
        }
        self.broker.cluster.setReachable(false)
        var accepted = 0
        while try producer.send(message(accepted)) == .accepted { accepted += 1 }
        #expect(accepted == 10)

        let delivery = Task { try await producer.deliver((10..<200).map(message)) }
        self.broker.cluster.setReachable(true)
        let deliveries = try await delivery.value
        #expect(deliveries.map(\.offset) == Array(10..<200))
        #expect(try await self.broker.records(in: topic, partition: 0).values == Array(0..<200))
    }

    @Test func `waiting for room can be cancelled`() async throws {
        let producer = try self.producer(.events, ["queue.buffering.max.messages": "1"])
        let message = KafkaMessage(topic: self.broker.topics[.events], key: ByteBuffer(string: "k"), value: nil)
        self.broker.cluster.setReachable(false)
        let delivery = Task { try await producer.deliver([message, message]) }
        delivery.cancel()
        await #expect(throws: CancellationError.self) { try await delivery.value }
    }

    @Test func `a record that the broker refuses fails its delivery`() async throws {
        let producer = try self.producer()
        let message = KafkaMessage(
            topic: self.broker.topics[.events],
            partition: 1,
            key: ByteBuffer(string: "k"),
            value: nil
        )
        self.broker.cluster.fail(.produce, with: [.messageTooLarge])
        let error = await #expect(throws: KafkaError.self) { try await producer.deliver([message]) }
        #expect(error?.code == .deliveryFailed)
        try await producer.deliver([message])
    }

    @Test func `a record that cannot be delivered in time is reported to who asked, once`() async throws {
        let producer = try self.producer(.audio, ["message.timeout.ms": "200"])
        let message = KafkaMessage(topic: self.broker.topics[.live], key: ByteBuffer(string: "k"), value: nil)
        self.broker.cluster.setReachable(false)
        let reports = Mutex<[Result<KafkaProducer.Delivery, KafkaError>]>([])
        let report = { @Sendable (result: Result<KafkaProducer.Delivery, KafkaError>) in
            reports.withLock { $0.append(result) }
        }
        #expect(try producer.send(message, done: report) == .accepted)
        try await eventually("the report") { reports.withLock { !$0.isEmpty } }
        let result = try #require(reports.withLock { $0.count == 1 ? $0.first : nil })
        let error = #expect(throws: KafkaError.self) { try result.get() }
        #expect(error?.code == .deliveryFailed)
    }

    @Test func `who waits for a producer that goes away is told`() async throws {
        var producer: KafkaProducer? = try self.producer()
        self.broker.cluster.setReachable(false)
        let reports = Mutex(0)
        let message = KafkaMessage(topic: self.broker.topics[.live], key: ByteBuffer(string: "k"), value: nil)
        _ = try producer?.send(message, done: { _ in reports.withLock { $0 += 1 } })
        producer = nil
        try await eventually("the report") { reports.withLock { $0 == 1 } }
    }

    @Test func `a partition that does not exist is a failure, not a crash`() async throws {
        let message = KafkaMessage(
            topic: self.broker.topics[.live],
            partition: 99,
            key: ByteBuffer(string: "k"),
            value: nil
        )
        let producer = try self.producer()
        try await producer.deliver([
            KafkaMessage(topic: self.broker.topics[.live], key: ByteBuffer(string: "k"), value: nil)
        ])
        await #expect(throws: KafkaError.self) { try await producer.deliver([message]) }
    }

    @Test func `a shutdown delivers what is queued`() async throws {
        let producer = try self.producer()
        let services = RunningServices([producer])
        let topic = self.broker.topics[.events]
        for value in 0..<500 {
            let message = KafkaMessage(
                topic: topic,
                partition: 0,
                key: ByteBuffer(string: "k"),
                value: ByteBuffer(integer: value)
            )
            #expect(try producer.send(message) == .accepted)
        }
        try await services.stop()
        #expect(try await self.broker.records(in: topic, partition: 0).values == Array(0..<500))
    }

    @Test func `gathered records arrive all and in order`() async throws {
        let topic = self.broker.topics[.events]
        let producer = try self.gathering(every: .milliseconds(5))
        let reports = Mutex(0)
        for value in 0..<300 {
            let enqueued = try producer.send(self.record(value), done: { _ in reports.withLock { $0 += 1 } })
            #expect(enqueued == .accepted)
            // So that they fall into several gatherings.
            if value % 100 == 99 { try await eventually("reports") { reports.withLock { $0 == value + 1 } } }
        }
        #expect(try await self.broker.records(in: topic, partition: 0).values == Array(0..<300))
    }

    @Test func `a shutdown delivers what is gathered`() async throws {
        let topic = self.broker.topics[.events]
        let producer = try self.gathering(every: .seconds(3_600))
        let services = RunningServices([producer])
        for value in 0..<100 { #expect(try producer.send(self.record(value)) == .accepted) }
        try await services.stop()
        #expect(try await self.broker.records(in: topic, partition: 0).values == Array(0..<100))
    }

    @Test func `who waits for a gathered record of a producer that goes away is told`() async throws {
        var producer: KafkaProducer? = try self.gathering(every: .seconds(3_600))
        let reports = Mutex(0)
        _ = try producer?.send(self.record(0), done: { _ in reports.withLock { $0 += 1 } })
        producer = nil
        try await eventually("the report") { reports.withLock { $0 == 1 } }
    }

    @Test func `what librdkafka has no room for waits, in order, until that too is full`() async throws {
        let topic = self.broker.topics[.events]
        let producer = try self.gathering(every: .milliseconds(1), ["queue.buffering.max.messages": "10"])
        self.broker.cluster.setReachable(false)
        var accepted = 0
        while try producer.send(self.record(accepted)) == .accepted { accepted += 1 }
        #expect(accepted >= 10_000)
        self.broker.cluster.setReachable(true)
        let count = accepted
        try await eventually("all of them") {
            try await self.broker.records(in: topic, partition: 0).values == Array(0..<count)
        }
    }

    @Test func `a producer without reports takes no one who waits, and delivers`() async throws {
        let topic = self.broker.topics[.events]
        let producer = try KafkaProducer(
            .audio,
            reportsDeliveries: false,
            configuration: self.broker.configuration(),
            logger: .quiet
        )
        let error = #expect(throws: KafkaError.self) { try producer.send(self.record(0), done: { _ in }) }
        #expect(error?.code == .configuration)
        #expect(try producer.send(self.record(1)) == .accepted)
        try await eventually("the record") {
            try await self.broker.records(in: topic, partition: 0).values == [1]
        }
    }

    private func gathering(every interval: Duration, _ properties: [String: String] = [:]) throws -> KafkaProducer {
        try KafkaProducer(
            .audio,
            gatheringEvery: interval,
            configuration: self.broker.configuration(properties: properties),
            logger: .quiet
        )
    }

    private func record(_ value: Int) -> KafkaMessage {
        KafkaMessage(
            topic: self.broker.topics[.events],
            partition: 0,
            key: ByteBuffer(string: "k"),
            value: ByteBuffer(integer: value)
        )
    }
}
