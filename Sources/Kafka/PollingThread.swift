import CRdKafka
import Dispatch
import Glibc

/// A thread for a loop that blocks in librdkafka, which must never happen on the cooperative pool.
final class PollingThread: Sendable {
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter name: at most 15 characters; what `top -H` shows.
    init(name: String, _ body: @escaping @Sendable () -> Void) {
        let ended = self.ended
        Self.start {
            pthread_setname_np(pthread_self(), name)
            body()
            ended.signal()
        }
    }

    /// Returns when the loop has ended; not to be called from the thread itself.
    func join() {
        self.ended.wait()
        self.ended.signal()
    }

    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static func start(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { raw in
                if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            },
            body.toOpaque()
        )
        // Only exhausted memory or threads end here: nothing of the client could work then.
        precondition(result == 0, "pthread_create failed: \(result)")
        pthread_detach(thread)
    }
}
