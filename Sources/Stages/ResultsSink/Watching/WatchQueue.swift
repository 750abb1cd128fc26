import Synchronization

/// What one watcher is still to be sent. Many may add to it, one task takes from it.
final class WatchQueue: Sendable {
    private struct State {
        var frames: [StreamFrame] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: how many frames may wait. Of more, those that are true for a moment only are dropped; a durable
    ///   one that must be dropped closes the queue, and its watcher comes back for it.
    init(limit: Int = 2_048) {
        self.limit = limit
    }

    func add(_ frames: some Sequence<StreamFrame>) {
        let waiter = self.state.withLock { state in
            guard !state.isClosed else { return nil as CheckedContinuation<Void, Never>? }
            for frame in frames {
                // The last places are for what counts.
                let room = frame.isDurable ? self.limit : self.limit / 2
                if state.frames.count < room {
                    state.frames.append(frame)
                } else if frame.isDurable {
                    state.isClosed = true
                    break
                }
            }
            return state.frames.isEmpty && !state.isClosed ? nil : state.waiter.take()
        }
        waiter?.resume()
    }

    /// What is in it can still be taken.
    func close() {
        let waiter = self.state.withLock { state in
            state.isClosed = true
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Waits for the next frames.
    /// - Returns: nil when the queue is closed and empty, or the task is cancelled.
    func next() async -> [StreamFrame]? {
        while !Task.isCancelled {
            let (frames, isClosed) = self.state.withLock { state in
                defer { state.frames.removeAll() }
                return (state.frames, state.isClosed)
            }
            if !frames.isEmpty { return frames }
            if isClosed { return nil }
            await self.filled()
        }
        return nil
    }

    /// Returns when there is something to take, or there will be nothing any more.
    private func filled() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = self.state.withLock { state in
                    if state.isClosed || !state.frames.isEmpty { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            self.close()
        }
    }
}
