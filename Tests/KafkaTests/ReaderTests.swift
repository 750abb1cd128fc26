import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ReaderTests {
    private let broker: EmbeddedBroker
    private let partition: KafkaTopicPartition
    private let producer: KafkaProducer

    init() throws {
        self.broker = try EmbeddedBroker()
        self.partition = KafkaTopicPartition(topic: self.broker.topics[.state], partition: 1)
        self.producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
    }

    private func produce(_ values: some Sequence<Int>) async throws {
        try await self.producer.deliver(
            values.map { value in
                KafkaMessage(
                    topic: self.partition.topic,
                    partition: self.partition.partition,
                    key: ByteBuffer(string: "k"),
                    value: ByteBuffer(integer: value)
                )
            }
        )
    }

    private func reader(
        from position: KafkaPosition,
        follow: Bool,
        of partition: KafkaTopicPartition? = nil
    ) throws -> KafkaPartitionReader {
        try KafkaPartitionReader(
            partition ?? self.partition,
            from: position,
            follow: follow,
            configuration: self.broker.configuration(),
            logger: .quiet
        )
    }

    private func values(of reader: KafkaPartitionReader) async throws -> [Int] {
        var values: [Int] = []
        for try await batch in reader { values += batch.values }
        return values
    }

    /// Else each record would hold a copy of all before it.
    @Test func `the keys and values of a batch lie one behind the other in one piece of memory`() async throws {
        try await self.produce(0..<2_000)
        let reader = try self.reader(from: .edge(.beginning), follow: false)
        var batches = 0
        for try await batch in reader {
            let parts = batch.flatMap { [$0.key, $0.value].compactMap(\.self) }
            let addresses = parts.map { part in part.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } }
            for (index, address) in addresses.enumerated().dropFirst() {
                #expect(address == addresses[index - 1] + UInt(parts[index - 1].readableBytes))
            }
            batches += 1
        }
        #expect(batches > 0)
    }

    @Test(arguments: [
        (KafkaPosition.edge(.beginning), 0), (.committed(otherwise: .beginning), 0), (.offset(1_990), 1_990),
        (.edge(.end), 2_000), (.offset(2_000), 2_000), (.offset(1_999), 1_999),
    ])
    func `reading to the end gives all from the position on, and ends`(position: KafkaPosition, first: Int) async throws
    {
        try await self.produce(0..<2_000)
        let reader = try self.reader(from: position, follow: false)
        try await reader.positioned(timeout: .seconds(10))
        #expect(try await self.values(of: reader) == Array(first..<2_000))
    }

    @Test func `an empty partition ends at once`() async throws {
        #expect(try await self.values(of: self.reader(from: .edge(.beginning), follow: false)).isEmpty)
    }

    @Test func `the end is where it was when reading began`() async throws {
        try await self.produce(0..<10)
        let reader = try self.reader(from: .edge(.beginning), follow: false)
        try await reader.positioned(timeout: .seconds(10))
        try await self.produce(10..<20)
        #expect(try await self.values(of: reader) == Array(0..<10))
    }

    @Test func `a reader from the end sees all that is produced once it is positioned, and nothing from before`()
        async throws
    {
        try await self.produce(0..<10)
        let reader = try self.reader(from: .edge(.end), follow: true)
        try await reader.positioned(timeout: .seconds(10))
        try await self.produce(10..<12)
        var batches = reader.makeAsyncIterator()
        var values: [Int] = []
        while values.count < 2 { values += try await batches.next()?.values ?? [] }
        try await self.produce([12])
        values += try await batches.next()?.values ?? []
        #expect(values == [10, 11, 12])
    }

    @Test func `cancelling ends a reader that follows`() async throws {
        let reader = try self.reader(from: .edge(.end), follow: true)
        try await reader.positioned(timeout: .seconds(10))
        let task = Task { try await self.values(of: reader) }
        task.cancel()
        #expect(try await task.value.isEmpty)
    }

    @Test func `cancelling a reader to the end is not taken for the end`() async throws {
        self.broker.cluster.setReachable(false)
        let reader = try self.reader(from: .edge(.beginning), follow: false)
        let task = Task { try await self.values(of: reader) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a position that cannot be had in time is told`() async throws {
        self.broker.cluster.setReachable(false)
        let reader = try self.reader(from: .edge(.end), follow: true)
        let error = await #expect(throws: KafkaError.self) {
            try await reader.positioned(timeout: .milliseconds(300))
        }
        #expect(error?.code == .timedOut)
    }

    @Test func `a reader waits for its partition's broker`() async throws {
        try await self.produce(0..<3)
        self.broker.cluster.setReachable(false)
        let reader = try self.reader(from: .edge(.beginning), follow: false)
        let task = Task { try await self.values(of: reader) }
        await #expect(throws: KafkaError.self) { try await reader.positioned(timeout: .milliseconds(300)) }
        self.broker.cluster.setReachable(true)
        #expect(try await task.value == [0, 1, 2])
    }

    @Test func `an offset out of range begins at the beginning`() async throws {
        try await self.produce(0..<3)
        let reader = try self.reader(from: .offset(1_000), follow: true)
        var batches = reader.makeAsyncIterator()
        #expect(try await batches.next()?.values == [0, 1, 2])
    }
}
