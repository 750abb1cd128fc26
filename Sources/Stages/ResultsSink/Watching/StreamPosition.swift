/// How much of what happened to one call somebody has seen: all events up to an offset. In the API it is an event id,
/// whose inside is nobody's business.
struct CallPosition: Equatable, Sendable {
    /// Of topic events, in the call's partition; -1 when nothing was seen.
    var offset: Int64

    static let nothing = CallPosition(offset: -1)

    var id: String { "c\(self.offset)" }

    init(offset: Int64) {
        self.offset = offset
    }

    init?(id: String) {
        guard id.utf8.count < 30, id.hasPrefix("c"), let offset = Int64(id.dropFirst()), offset >= -1 else {
            return nil
        }
        self.offset = offset
    }
}

/// How much of what happened to all calls somebody has seen: of each partition all events up to an offset.
struct WallPosition: Equatable, Sendable {
    /// By partition; -1 where nothing was seen.
    var offsets: [Int64]

    var id: String { "w" + self.offsets.map { String($0 + 1, radix: 36) }.joined(separator: ".") }

    init(offsets: [Int64]) {
        self.offsets = offsets
    }

    /// Nil for what is none of as many partitions.
    init?(id: String, partitions: Int32) {
        let parts = id.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard id.hasPrefix("w"), parts.count == Int(partitions) else { return nil }
        let next = parts.compactMap { Int64($0, radix: 36) }
        guard next.count == parts.count, next.allSatisfy({ $0 >= 0 }) else { return nil }
        self.offsets = next.map { $0 - 1 }
    }
}
