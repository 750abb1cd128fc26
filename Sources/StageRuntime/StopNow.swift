/// The wish of whoever told the process to stop, and told it again: not to wait for anything any longer.
package final class StopNow: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() {
        (self.stream, self.continuation) = AsyncStream.makeStream()
    }

    package func request() {
        self.continuation.finish()
    }

    /// Returns when it was requested, or the task is cancelled. For one task.
    package func requested() async {
        for await _ in self.stream {}
    }
}
