/// The two figures we want of librdkafka's statistics document, which has hundreds for each partition: found by
/// scanning for their keys, without parsing the rest.
struct ClientStatistics: Equatable {
    /// Records in the producer's queues, or in flight.
    private(set) var queuedMessages = 0
    /// Records behind the end of the assigned partitions, together; partitions whose lag is not known count as 0.
    private(set) var consumerLag = 0

    init(scanning text: some Sequence<UInt8>) {
        var quoted: [UInt8] = []
        var isInString = false
        var key: Key?
        var number: Int?
        var isNegative = false
        var depth = 0

        for byte in text {
            if isInString {
                if byte == UInt8(ascii: "\"") {
                    isInString = false
                } else if quoted.count < 32 {
                    quoted.append(byte)
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                quoted.removeAll(keepingCapacity: true)
            case UInt8(ascii: ":"):
                key = Key(quoted, depth: depth)
                number = nil
                isNegative = false
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if key != nil { number = (number ?? 0) &* 10 &+ Int(byte - UInt8(ascii: "0")) }
            case UInt8(ascii: "-"):
                isNegative = true
            default:
                if let found = key, let value = number { self.add(isNegative ? 0 : value, to: found) }
                if byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "}") { depth -= 1 }
                if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") { key = nil }
                number = nil
            }
        }
    }

    private enum Key {
        case queuedMessages
        case consumerLag

        init?(_ name: [UInt8], depth: Int) {
            if depth == 1, name.elementsEqual("msg_cnt".utf8) {
                self = .queuedMessages
            } else if name.elementsEqual("consumer_lag".utf8) {
                self = .consumerLag
            } else {
                return nil
            }
        }
    }

    private mutating func add(_ value: Int, to key: Key) {
        switch key {
        case .queuedMessages: self.queuedMessages = value
        case .consumerLag: self.consumerLag += value
        }
    }
}
