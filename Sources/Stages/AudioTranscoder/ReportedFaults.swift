import NIOCore

/// The calls of which a fault was reported, so that a flood of them is one line in the log.
struct ReportedFaults {
    /// More are not told apart: whoever invents keys gets one line as well.
    private static let limit = 1_000

    /// When each had its last fault; all that is no call's is one.
    private var last: [ByteBuffer: ContinuousClock.Instant] = [:]

    /// - Parameter key: of the record; nil, or what is no call's, where nobody can be named.
    /// - Returns: true for the first fault of the call, or the first after it was forgotten.
    mutating func note(_ key: ByteBuffer?, at now: ContinuousClock.Instant) -> Bool {
        let key = key ?? ByteBuffer()
        if let known = self.last.index(forKey: key) {
            self.last.values[known] = now
            return false
        }
        let isKnown = self.last.count >= Self.limit
        // A copy, because the record's key shares memory with the whole record.
        if !isKnown { self.last[ByteBuffer(bytes: key.readableBytesView)] = now }
        return !isKnown
    }

    /// Forgets those that had none since.
    mutating func forget(before: ContinuousClock.Instant) {
        guard self.last.values.contains(where: { $0 < before }) else { return }
        self.last = self.last.filter { $0.value >= before }
    }
}
