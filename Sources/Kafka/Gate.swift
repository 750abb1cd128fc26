import Synchronization

/// Opens once, with a result; tasks wait for it.
final class Gate: Sendable {
    private struct State {
        var result: Result<Void, any Error>?
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Only the first call counts.
    func open(_ result: Result<Void, any Error>) {
        let waiters = self.state.withLock { state in
            guard state.result == nil else { return [:] as [UInt64: CheckedContinuation<Void, any Error>] }
            state.result = result
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(with: result) }
    }

    /// - Throws: what it was opened with, or `CancellationError`.
    func wait() async throws {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result = self.state.withLock { state in
                    if state.result == nil { state.waiters[id] = continuation }
                    return state.result
                }
                if let result {
                    continuation.resume(with: result)
                } else if Task.isCancelled {
                    self.cancel(id)
                }
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func cancel(_ id: UInt64) {
        let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
        waiter?.resume(throwing: CancellationError())
    }
}
