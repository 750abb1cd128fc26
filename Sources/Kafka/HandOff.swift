import Dispatch
import Synchronization

/// Hands elements from one polling thread to one task, one at a time and in order.
///
/// The thread may be one element ahead of the task. The task's asking for the next element says that the one before is
/// dealt with, which the thread can wait for. The thread is woken for commands too, also while it waits here.
final class HandOff<Element: Sendable>: Sendable {
    /// Why a wait of the thread ended.
    enum Wake: Sendable {
        /// What was waited for has happened.
        case reached
        /// There are commands to run.
        case commands
        /// The thread is to come to its end, and the element was not taken yet.
        case stopping
        /// Nobody will ever ask again.
        case abandoned
        case timedOut
    }

    enum Milestone: Sendable {
        /// The task has taken the element that was offered last.
        case taken
        /// The task asks for the element after it.
        case dealtWith
    }

    /// Runs on the thread; with false when the thread has ended in the meantime.
    typealias Command = @Sendable (_ isRunning: Bool) -> Void

    fileprivate struct State {
        var offered: UInt64 = 0
        var asked: UInt64 = 0
        var slot: Element?
        var waiter: CheckedContinuation<Element?, any Error>?
        /// Set when nothing more will be offered.
        var end: Result<Void, any Error>?
        var isStopping = false
        var isAbandoned = false
        var commands: [Command] = []
        var threadWaits = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    // MARK: the task

    /// - Throws: what the thread finished with.
    func next() async throws -> Element? {
        try await withCheckedThrowingContinuation { continuation in
            let (ready, wakes) = self.state.withLock { state in
                state.asked += 1
                let ready: Result<Element?, any Error>?
                if let element = state.slot.take() {
                    ready = .success(element)
                } else if let end = state.end {
                    ready = end.map { nil }
                    state.end = .success(())
                } else {
                    state.waiter = continuation
                    ready = nil
                }
                return (ready, state.takeThreadWaits())
            }
            if wakes { self.wake.signal() }
            if let ready { continuation.resume(with: ready) }
        }
    }

    // MARK: anyone

    /// The thread is to come to its end in order.
    /// - Returns: whether this is new.
    @discardableResult
    func stop() -> Bool {
        let (isNew, wakes) = self.state.withLock { state in
            defer { state.isStopping = true }
            return (!state.isStopping, state.takeThreadWaits())
        }
        if wakes { self.wake.signal() }
        return isNew
    }

    /// The thread is to end without being asked for anything more.
    func abandon() {
        self.state.withLock { $0.isAbandoned = true }
        self.stop()
    }

    /// - Returns: false when the thread has ended, and will not run it.
    func post(_ command: @escaping Command) -> Bool {
        let (accepted, wakes) = self.state.withLock { state in
            if state.end != nil { return (false, false) }
            state.commands.append(command)
            return (true, state.takeThreadWaits())
        }
        if wakes { self.wake.signal() }
        return accepted
    }

    // MARK: the thread

    var isStopping: Bool { self.state.withLock { $0.isStopping } }

    /// Only after the element before was taken or retracted.
    func offer(_ element: Element) {
        let waiter = self.state.withLock { state in
            state.offered += 1
            guard let waiter = state.waiter.take() else {
                state.slot = element
                return nil as CheckedContinuation<Element?, any Error>?
            }
            return waiter
        }
        waiter?.resume(returning: element)
    }

    /// Changes the element that waits to be taken; nil takes it back.
    func revise(_ change: (Element) -> Element?) {
        self.state.withLock { state in
            guard let element = state.slot else { return }
            state.slot = change(element)
            if state.slot == nil { state.offered -= 1 }
        }
    }

    func wait(until milestone: Milestone, timeout: DispatchTime) -> Wake {
        while true {
            let wake = self.state.withLock { state -> Wake? in
                if state.isAbandoned { return .abandoned }
                if !state.commands.isEmpty { return .commands }
                let isReached =
                    switch milestone {
                    case .taken: state.slot == nil
                    case .dealtWith: state.slot == nil && state.asked > state.offered
                    }
                if isReached { return .reached }
                if milestone == .taken, state.isStopping { return .stopping }
                state.threadWaits = true
                return nil
            }
            if let wake { return wake }
            if self.wake.wait(timeout: timeout) == .timedOut { return .timedOut }
        }
    }

    func takeCommands() -> [Command] {
        self.state.withLock { state in
            defer { state.commands.removeAll() }
            return state.commands
        }
    }

    /// Nothing more will be offered; what was offered can still be taken. Only the first call counts.
    func finish(_ end: Result<Void, any Error> = .success(())) {
        let (waiter, commands) = self.state.withLock { state in
            guard state.end == nil else { return (nil as CheckedContinuation<Element?, any Error>?, [] as [Command]) }
            let waiter = state.waiter.take()
            // An error is told once.
            state.end = waiter == nil ? end : .success(())
            defer { state.commands.removeAll() }
            return (waiter, state.commands)
        }
        for command in commands { command(false) }
        waiter?.resume(with: end.map { nil })
    }
}

extension HandOff.State {
    fileprivate mutating func takeThreadWaits() -> Bool {
        defer { self.threadWaits = false }
        return self.threadWaits
    }
}
