package import NIOCore

/// Runs tasks on an event loop, so that whoever works for its sockets is woken without another thread having to be.
///
/// A task that blocks or computes long there holds up all connections of the loop.
package final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Never at once, also on the loop itself: whoever resumes a task may hold a lock.
        self.eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
