import Synchronization

/// What the producer's thread says about outputs, until the consuming task asks.
final class Deliveries: Sendable {
    struct Delivery: Sendable, Equatable {
        var source: SourcePartition
        var offset: Int64
    }

    private struct State {
        var finished: [Delivery] = []
        var underWay = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// An output is about to be sent; `finished` follows exactly once.
    func began() {
        self.state.withLock { $0.underWay += 1 }
    }

    /// The output of this record was delivered, or given up. Called on any thread; does not block.
    func finished(_ source: SourcePartition, _ offset: Int64) {
        let waiter = self.state.withLock { state in
            state.finished.append(Delivery(source: source, offset: offset))
            state.underWay -= 1
            return state.underWay == 0 ? state.waiter.take() : nil
        }
        waiter?.resume()
    }

    /// What finished since the last time.
    func take() -> [Delivery] {
        self.state.withLock { state in
            guard !state.finished.isEmpty else { return [] }
            defer { state.finished.removeAll(keepingCapacity: true) }
            return state.finished
        }
    }

    /// Returns when nothing is under way, or after `limit`, or when the task is cancelled. One task may wait.
    func settled(within limit: Duration) async {
        await withTaskGroup { group in
            group.addTask { await self.nothingUnderWay() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    private func nothingUnderWay() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = self.state.withLock { state in
                    guard state.underWay > 0, !Task.isCancelled else { return true }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { $0.waiter.take() }
            waiter?.resume()
        }
    }
}
