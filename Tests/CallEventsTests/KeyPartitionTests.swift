import Testing

@testable import CallEvents

@Suite struct KeyPartitionTests {
    /// From Apache Kafka's `UtilsTest.testMurmur2`.
    static let known: [(String, Int32)] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ]

    @Test(arguments: Self.known) func `the hash is that of Apache Kafka`(key: String, hash: Int32) {
        #expect(Int32(bitPattern: KeyPartition.murmur2(Array(key.utf8))) == hash)
    }

    @Test(arguments: Self.known) func `the partition is that of Apache Kafka`(key: String, hash: Int32) {
        for count: Int32 in [1, 2, 3, 12, 50, 10_000] {
            // Java: Utils.toPositive(hash) % partitions.
            #expect(KeyPartition.of(key, count: count) == (hash & 0x7fff_ffff) % count)
        }
    }

    @Test func `an empty key has a partition`() {
        #expect((0..<12).contains(KeyPartition.of("", count: 12)))
    }

    @Test func `calls spread over all partitions`() {
        let partitions = (0..<2_000).map { index in
            KeyPartition.of("CA" + String(repeating: "0", count: 28) + String(1_000 + index), count: 12)
        }
        let counts = Dictionary(grouping: partitions, by: { $0 }).mapValues(\.count)
        #expect(Set(counts.keys) == Set(0..<12))
        #expect(counts.values.allSatisfy { (100...250).contains($0) })
    }
}
