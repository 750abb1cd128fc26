import Synchronization

/// Ticks all open streams of the process, each every 20 ms: one task for all of them, on an absolute schedule, so that
/// no stream drifts and a late tick is made up for.
///
/// The streams are spread over ten slots of 2 ms, so that many calls do not all send in the same instant.
final class MediaClock: Sendable {
    private static let slots = 10
    private static let slotLength = Duration.milliseconds(2)

    private struct Entry {
        var stream: MediaStream
        /// The first slot, counted from the clock's start, that is this stream's.
        var from: Int
    }

    private struct State {
        var entries = [[Entry]](repeating: [], count: MediaClock.slots)
        var nextSlot = 0
        var isEmpty: Bool { self.entries.allSatisfy(\.isEmpty) }
    }

    private let state = Mutex(State())
    private let origin = ContinuousClock.now
    private let wakeUps = Mailbox<Void>()

    /// The stream's first tick is within 20 ms.
    func add(_ stream: MediaStream) {
        self.state.withLock { state in
            let slot = state.nextSlot
            state.nextSlot = (slot + 1) % Self.slots
            state.entries[slot].append(Entry(stream: stream, from: self.currentSlot))
        }
        self.wakeUps.send(())
    }

    func remove(_ stream: MediaStream) {
        self.state.withLock { state in
            for slot in state.entries.indices { state.entries[slot].removeAll { $0.stream === stream } }
        }
    }

    /// Runs until it is cancelled.
    func run() async {
        while await self.wakeUps.nextBatch() != nil {
            await self.tickWhileNeeded()
        }
    }

    private func tickWhileNeeded() async {
        var done = self.currentSlot
        while let next = self.nextUsedSlot(after: done) {
            do {
                try await Task.sleep(until: self.origin + Self.slotLength * next, tolerance: .zero, clock: .continuous)
            } catch {
                return
            }
            // Slots in between are those of streams added meanwhile.
            for slot in (done + 1)...next {
                for entry in self.state.withLock({ $0.entries[slot % Self.slots] }) where entry.from <= slot {
                    entry.stream.tick()
                }
            }
            done = next
        }
    }

    private func nextUsedSlot(after slot: Int) -> Int? {
        self.state.withLock { state in
            (slot + 1...slot + Self.slots).first { !state.entries[$0 % Self.slots].isEmpty }
        }
    }

    private var currentSlot: Int { Int((ContinuousClock.now - self.origin) / Self.slotLength) }
}
