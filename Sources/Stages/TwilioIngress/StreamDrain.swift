import Logging
import ServiceLifecycle
import StageRuntime
import Synchronization

/// Keeps the services before it running while streams are open, after the process was told to stop: new calls go to
/// other instances meanwhile, calls in progress stay here to their end. A stream that still arrives is served too, since
/// nobody else may be there to take it.
///
/// It ends with the last stream, after the limit, or when somebody asks twice. Streams that are then open are closed, so
/// that Twilio connects them elsewhere.
final class StreamDrain: Service {
    /// Twilio tells of the end of a stream and of its call right behind the end itself.
    private static let callbackTime = Duration.seconds(1)

    private struct State {
        var openStreams = 0
        var isDraining = false
    }

    private let limit: Duration
    private let health: Health
    private let stopNow: StopNow
    private let logger: Logger
    private let state = Mutex(State())
    /// Ends with the last stream of the drain.
    private let streams: AsyncStream<Void>
    private let lastStreamEnded: AsyncStream<Void>.Continuation

    init(limit: Duration, context: StageContext) {
        self.limit = limit
        self.health = context.health
        self.stopNow = context.stopNow
        self.logger = context.logger
        (self.streams, self.lastStreamEnded) = AsyncStream.makeStream()
    }

    func run() async throws {
        // Cancellation does not wait for streams either.
        try? await gracefulShutdown()
        // A service that failed ends the others too: without it the streams are better off elsewhere.
        guard !Task.isCancelled, self.health.isShuttingDown, self.limit > .zero else { return }
        let openStreams = self.state.withLock { state in
            state.isDraining = state.openStreams > 0
            return state.openStreams
        }
        guard openStreams > 0 else { return }
        self.logger.info("Draining", metadata: ["streams": "\(openStreams)", "limit": "\(self.limit)"])
        let left = await self.wait()
        self.logger.info(
            "Drained",
            metadata: ["reason": "\(left)", "streams": "\(self.state.withLock(\.openStreams))"]
        )
    }

    /// Serves a stream that the drain waits for.
    func whileOpen(_ body: () async -> Void) async {
        self.state.withLock { $0.openStreams += 1 }
        await body()
        let wasLast = self.state.withLock { state in
            state.openStreams -= 1
            return state.isDraining && state.openStreams == 0
        }
        if wasLast { self.lastStreamEnded.finish() }
    }

    /// - Returns: why waiting is over, for people.
    private func wait() async -> String {
        await withTaskGroup(of: String.self) { group in
            group.addTask {
                for await _ in self.streams {}
                try? await Task.sleep(for: Self.callbackTime)
                return "the last stream has ended"
            }
            group.addTask {
                await self.stopNow.requested()
                return "asked to stop now"
            }
            group.addTask {
                try? await Task.sleep(for: self.limit)
                return "the limit"
            }
            let first = await group.next() ?? ""
            group.cancelAll()
            return first
        }
    }
}
