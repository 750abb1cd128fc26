/// The partition that a key belongs to: murmur2 as in Apache Kafka's default partitioner and librdkafka's
/// `murmur2_random`, so that all clients agree.
package enum KeyPartition {
    /// - Parameter count: partitions of the topic, at least 1.
    package static func of(_ key: some Collection<UInt8>, count: Int32) -> Int32 {
        precondition(count > 0)
        return Int32(self.murmur2(Array(key)) & 0x7fff_ffff) % count
    }

    package static func of(_ key: String, count: Int32) -> Int32 {
        self.of(key.utf8, count: count)
    }

    /// Java: `org.apache.kafka.common.utils.Utils.murmur2`, as an unsigned number.
    static func murmur2(_ data: [UInt8]) -> UInt32 {
        let m: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: data.count)
        var index = 0
        while index + 4 <= data.count {
            var k =
                UInt32(data[index]) | UInt32(data[index + 1]) << 8 | UInt32(data[index + 2]) << 16
                | UInt32(data[index + 3]) << 24
            k = k &* m
            k ^= k >> 24
            k = k &* m
            hash = (hash &* m) ^ k
            index += 4
        }
        let rest = data.count - index
        if rest >= 3 { hash ^= UInt32(data[index + 2]) << 16 }
        if rest >= 2 { hash ^= UInt32(data[index + 1]) << 8 }
        if rest >= 1 {
            hash ^= UInt32(data[index])
            hash = hash &* m
        }
        hash ^= hash >> 13
        hash = hash &* m
        hash ^= hash >> 15
        return hash
    }
}
