/// From which offset a partition must be read again so that a restart loses nothing and changes nothing.
///
/// The rule: an offset may be stored when
/// 1. the output of every record before it was delivered (or the record needs no output), and
/// 2. for every record from it on, the record that this one's conversion continues, and the one that keeps the silence
///    gate open for it, lie at or behind it as well, whether that record is already here (`needing`) or still to come
///    (`holding`).
///
/// So a successor reads the frame before each call's next frame again; that fills its filter, and its output, a repeat
/// of a sequence number, is dropped by whoever reads it. The stored offset never goes back.
package struct OffsetTracker: Equatable, Sendable {
    private struct Entry: Equatable {
        var offset: Int64
        var needed: Int64
        var isFinished = false
    }

    /// Received and not known to be finished, and what was finished out of order behind them; by offset.
    private var entries: [Entry] = []
    /// Entries before this index are finished.
    private var first = 0
    /// Behind the last record received.
    private var end: Int64?

    package init() {}

    /// Records that it remembers: little more than what is between the first and the last in flight.
    package var count: Int { self.entries.count }

    /// Nothing is in flight.
    package var isFinished: Bool { self.first == self.entries.count }

    /// Takes charge of the partition's next record.
    /// - Parameter predecessor: the earliest of the records before it that its output depends on.
    package mutating func received(_ offset: Int64, needing predecessor: Int64? = nil) {
        if let end = self.end, offset < end { self = OffsetTracker() }  // Read again from further back.
        self.entries.append(Entry(offset: offset, needed: min(predecessor ?? offset, offset)))
        self.end = offset + 1
    }

    /// The output of a record was delivered, or there is none. Ignored for a record that is not in flight.
    package mutating func finished(_ offset: Int64) {
        guard let index = self.index(of: offset) else { return }
        self.entries[index].isFinished = true
        while self.first < self.entries.count, self.entries[self.first].isFinished { self.first += 1 }
        // Not at each step: moving the rest up costs as much as the rest is long.
        if self.first > 64, self.first > self.entries.count / 2 {
            self.entries.removeFirst(self.first)
            self.first = 0
        }
    }

    /// The offset to store; nil before the first record.
    /// - Parameter held: the earliest record that the output of one still to come may depend on.
    package func storable(holding held: Int64?) -> Int64? {
        guard let end = self.end else { return nil }
        let needed = self.entries[self.first...].reduce(end) { min($0, $1.needed) }
        return min(needed, held ?? needed)
    }

    private func index(of offset: Int64) -> Int? {
        var low = self.first
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low < self.entries.count && self.entries[low].offset == offset ? low : nil
    }
}
