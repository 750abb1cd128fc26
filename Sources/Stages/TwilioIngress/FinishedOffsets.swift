/// Where a partition is to be read on when its records are finished out of order: the highest offset below which all
/// are done.
struct FinishedOffsets: Sendable, Equatable {
    /// Received and not finished, ascending.
    private var open: [Int64] = []
    /// Behind the last record received.
    private var end: Int64?

    /// A record is ours to finish.
    mutating func received(_ offset: Int64) {
        let place = self.place(of: offset)
        if place == self.open.count || self.open[place] != offset { self.open.insert(offset, at: place) }
        self.end = max(self.end ?? 0, offset + 1)
    }

    /// Ignored for a record that is not open.
    mutating func finished(_ offset: Int64) {
        let place = self.place(of: offset)
        if place < self.open.count, self.open[place] == offset { self.open.remove(at: place) }
    }

    /// The offset to store; nil before the first record.
    var next: Int64? { self.open.first ?? self.end }

    /// Of the first open record that is not before `offset`.
    private func place(of offset: Int64) -> Int {
        var low = 0
        var high = self.open.count
        while low < high {
            let middle = (low + high) / 2
            if self.open[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
