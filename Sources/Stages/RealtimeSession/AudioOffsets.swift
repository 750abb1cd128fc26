/// Which offset of a partition's audio may be stored: 15 s behind, so that whoever takes the partition over finds the
/// audio of a turn that nobody has answered.
struct AudioOffsets: Sendable {
    static let depthMs: Int64 = 15_000
    private static let intervalMs: Int64 = 500

    private var samples: [(timestampMs: Int64, offset: Int64)] = []

    /// A record was consumed.
    /// - Returns: the offset to store now, if there is a new one.
    mutating func consumed(_ offset: Int64, timestampMs: Int64) -> Int64? {
        guard let newest = self.samples.last, timestampMs - newest.timestampMs < Self.depthMs else {
            // The first since long: what is before it is too old. Stored at once, because the topic keeps minutes: the
            // offset from before the silence may be gone, and who starts there would be sent to the end, past this call.
            self.samples = [(timestampMs, offset)]
            return offset
        }
        guard timestampMs - newest.timestampMs >= Self.intervalMs else { return nil }
        self.samples.append((timestampMs, offset))
        let old = self.samples.prefix { $0.timestampMs <= timestampMs - Self.depthMs }
        guard let storable = old.last else { return nil }
        self.samples.removeFirst(old.count)
        return storable.offset
    }
}
