import Dispatch
import Glibc

/// The moments at which what was gathered goes on: when the monotonic clock is at a multiple of the interval. So all who
/// gather wake together, and a process finds more to do each time that it is woken.
struct GatheringClock: Sendable {
    private let interval: UInt64

    init(every interval: Duration) {
        self.interval = UInt64(max(interval / .nanoseconds(1), 1))
    }

    var next: DispatchTime { DispatchTime(uptimeNanoseconds: self.nextNanoseconds) }

    /// Blocks the thread until then.
    func sleep() {
        let next = self.nextNanoseconds
        var time = timespec(tv_sec: Int(next / 1_000_000_000), tv_nsec: Int(next % 1_000_000_000))
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
    }

    private var nextNanoseconds: UInt64 {
        (DispatchTime.now().uptimeNanoseconds / self.interval + 1) * self.interval
    }
}
