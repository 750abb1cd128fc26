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

    private func produce(_ values: some Sequence<Int>, to partition: Int32? = nil) async throws {
        try await self.producer.deliver(
            values.map { value in
                KafkaMessage(
                    topic: self.partition.topic,
                    partition: partition ?? self.partition.partition,
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

    // MARK: Several partitions

    private func reader(from positions: [Int32: KafkaPosition], follow: Bool) throws -> KafkaPartitionReader {
        try KafkaPartitionReader(
            self.partition.topic,
            from: positions,
            follow: follow,
            configuration: self.broker.configuration(),
            logger: .quiet
        )
    }

    @Test func `several partitions are read by one reader, each in its order and from its position to its end`()
        async throws
    {
        try await self.produce(0..<2_000, to: 0)
        try await self.produce(0..<10, to: 1)
        try await self.produce(0..<10, to: 3)
        // Partition 2 is empty; 3 is at its end already.
        let positions: [Int32: KafkaPosition] = [
            0: .edge(.beginning), 1: .offset(7), 2: .edge(.beginning), 3: .edge(.end),
        ]
        let reader = try self.reader(from: positions, follow: false)
        try await reader.positioned(timeout: .seconds(20))
        for partition in Int32(0)..<4 { try await self.produce([-1], to: partition) }
        var values: [Int32: [Int]] = [:]
        for try await batch in reader {
            for record in batch { values[record.partition, default: []] += [record].values }
        }
        #expect(values == [0: Array(0..<2_000), 1: [7, 8, 9]])
    }

    @Test func `a reader that follows several partitions sees what comes to any of them once it is positioned`()
        async throws
    {
        try await self.produce(0..<3, to: 0)
        try await self.produce(0..<3, to: 1)
        let reader = try self.reader(
            from: [0: .edge(.beginning), 1: .edge(.end), 2: .edge(.end)],
            follow: true
        )
        try await reader.positioned(timeout: .seconds(20))
        for partition in Int32(0)..<3 { try await self.produce([3], to: partition) }
        var batches = reader.makeAsyncIterator()
        var values: [Int32: [Int]] = [:]
        while values.values.reduce(0, { $0 + $1.count }) < 6 {
            for record in try await batches.next() ?? [] { values[record.partition, default: []] += [record].values }
        }
        #expect(values == [0: [0, 1, 2, 3], 1: [3], 2: [3]])
    }

    @Test func `several partitions that cannot be reached are told, and read when they are back`() async throws {
        try await self.produce(0..<3, to: 0)
        try await self.produce(0..<3, to: 2)
        self.broker.cluster.setReachable(false)
        let reader = try self.reader(from: .each(0..<4, at: .edge(.beginning)), follow: false)
        let error = await #expect(throws: KafkaError.self) {
            try await reader.positioned(timeout: .milliseconds(300))
        }
        #expect(error?.code == .timedOut)
        self.broker.cluster.setReachable(true)
        #expect(try await self.values(of: reader).sorted() == [0, 0, 1, 1, 2, 2])
    }

    @Test func `an offset out of range begins at the beginning`() async throws {
        try await self.produce(0..<3)
        let reader = try self.reader(from: .offset(1_000), follow: true)
        var batches = reader.makeAsyncIterator()
        #expect(try await batches.next()?.values == [0, 1, 2])
    }
}
