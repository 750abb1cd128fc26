import NIOCore
import OpenAIRealtime
import Synchronization

/// The timers of one call, on its event loop: a task that sleeps keeps its memory until it would have woken, also when
/// it is cancelled, and the one that renews a session would sleep for most of an hour.
final class CallTimers: Sendable {
    private struct State {
        var pending: [Int: Scheduled<Void>] = [:]
        var count = 0
    }

    private let eventLoop: any EventLoop
    private let mailbox: CallMailbox
    private let state = Mutex(State())

    init(on eventLoop: any EventLoop, mailbox: CallMailbox) {
        self.eventLoop = eventLoop
        self.mailbox = mailbox
    }

    /// Has the timer in the mailbox after `delay`.
    func schedule(_ timer: ConversationTimer, after delay: Duration) {
        self.state.withLock { state in
            state.count += 1
            let id = state.count
            // It cannot fire before it is in its place: then it waits for the lock.
            state.pending[id] = self.eventLoop.scheduleTask(in: TimeAmount(delay)) { [mailbox] in
                _ = self.state.withLock { $0.pending.removeValue(forKey: id) }
                mailbox.put(.timer(timer))
            }
        }
    }

    func cancelAll() {
        let pending = self.state.withLock { state in
            defer { state.pending = [:] }
            return state.pending.values
        }
        for timer in pending { timer.cancel() }
    }
}
