import Synchronization

/// A queue with any number of senders and one receiver at a time. A receiver that is cancelled takes nothing away.
///
/// It is not bounded; whoever sends looks at `count` where a slow receiver must not cost memory.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isFinished = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Ignored after `finish()`.
    func send(_ element: Element) {
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isFinished else { return nil }
            state.elements.append(element)
            return state.waiter.take()
        }?.resume()
    }

    /// What is queued is still received.
    func finish() {
        self.state.withLock { state in
            state.isFinished = true
            return state.waiter.take()
        }?.resume()
    }

    var count: Int { self.state.withLock { $0.elements.count } }

    /// Waits for an element; nil when the mailbox is finished and empty, or the task cancelled.
    func next() async -> Element? {
        while await self.waitForElements() {
            if let element = self.state.withLock({ $0.elements.isEmpty ? nil : $0.elements.removeFirst() }) {
                return element
            }
        }
        return nil
    }

    /// Waits until something is there and takes all of it; nil as for `next()`.
    func nextBatch() async -> [Element]? {
        while await self.waitForElements() {
            let batch = self.state.withLock { state in
                let batch = state.elements
                state.elements.removeAll(keepingCapacity: true)
                return batch
            }
            if !batch.isEmpty { return batch }
        }
        return nil
    }

    /// Whether there may be something to take.
    private func waitForElements() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumeNow = self.state.withLock { state in
                    if !state.elements.isEmpty || state.isFinished || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if resumeNow { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiter.take() }?.resume()
        }
        if Task.isCancelled { return false }
        return self.state.withLock { !$0.elements.isEmpty || !$0.isFinished }
    }
}
