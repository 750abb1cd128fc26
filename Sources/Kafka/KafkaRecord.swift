package import NIOCore

package struct KafkaHeader: Sendable, Equatable {
    package var name: String
    package var value: ByteBuffer?

    package init(_ name: String, _ value: ByteBuffer?) {
        self.name = name
        self.value = value
    }
}

/// A record as it was consumed. A nil value is a tombstone.
package struct KafkaRecord: Sendable, Equatable {
    package var topic: String
    package var partition: Int32
    package var offset: Int64
    package var key: ByteBuffer?
    package var value: ByteBuffer?
    package var headers: [KafkaHeader]
    /// Unix milliseconds, as the broker or the producer stamped it; -1 when there is none.
    package var timestampMs: Int64

    package init(
        topic: String,
        partition: Int32,
        offset: Int64,
        key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [KafkaHeader] = [],
        timestampMs: Int64 = -1
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.key = key
        self.value = value
        self.headers = headers
        self.timestampMs = timestampMs
    }
}

/// A record to be produced. A nil value is a tombstone; a nil partition lets the key decide (`murmur2_random`).
package struct KafkaMessage: Sendable, Equatable {
    package var topic: String
    package var partition: Int32?
    package var key: ByteBuffer
    package var value: ByteBuffer?
    package var headers: [KafkaHeader]

    package init(
        topic: String,
        partition: Int32? = nil,
        key: ByteBuffer,
        value: ByteBuffer?,
        headers: [KafkaHeader] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }
}
