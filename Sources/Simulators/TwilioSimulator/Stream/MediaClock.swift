import NIOCore

/// Ticks the open streams of one event loop, each every 20 ms, on an absolute schedule: no stream drifts, and a late tick
/// is made up for.
///
/// The streams are spread over ten slots of 2 ms, so that many calls do not all send in the same instant. The clock
/// rests while there are no streams.
final class MediaClock: Sendable {
    private static let slots = 10
    private static let slotLength = TimeAmount.milliseconds(2)

    private struct State {
        var entries = [[MediaStream]](repeating: [], count: MediaClock.slots)
        var nextEntry = 0
        /// The slot that is ticked next, counted from the clock's start; nil while it rests.
        var nextSlot: Int?
    }

    private let eventLoop: any EventLoop
    private let origin = NIODeadline.now()
    private let state: NIOLoopBoundBox<State>

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.state = .makeBoxSendingValue(State(), eventLoop: eventLoop)
    }

    /// The stream's first tick is within 20 ms. From any thread.
    func add(_ stream: MediaStream) {
        self.eventLoop.execute {
            let place = self.state.value.nextEntry
            self.state.value.nextEntry = (place + 1) % Self.slots
            self.state.value.entries[place].append(stream)
            if self.state.value.nextSlot == nil { self.schedule(after: self.currentSlot) }
        }
    }

    /// From any thread.
    func remove(_ stream: MediaStream) {
        self.eventLoop.execute {
            for slot in 0..<Self.slots { self.state.value.entries[slot].removeAll { $0 === stream } }
        }
    }

    /// Waits for the next slot that has streams.
    private func schedule(after slot: Int) {
        let next = (slot + 1...slot + Self.slots).first { !self.state.value.entries[$0 % Self.slots].isEmpty }
        self.state.value.nextSlot = next
        guard let next else { return }
        self.eventLoop.scheduleTask(deadline: self.origin + Self.slotLength * next) { self.tick() }
    }

    /// Ticks the next slot, and those whose time has come meanwhile.
    private func tick() {
        guard let first = self.state.value.nextSlot else { return }
        let last = max(first, self.currentSlot)
        for slot in first...last {
            for stream in self.state.value.entries[slot % Self.slots] { stream.tick() }
        }
        self.schedule(after: last)
    }

    private var currentSlot: Int { Int((NIODeadline.now() - self.origin).nanoseconds / Self.slotLength.nanoseconds) }
}
