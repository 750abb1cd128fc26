import Foundation

/// The clocks of the measurements; Linux only for the processor time.
enum Clock {
    static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func sleep(until deadline: UInt64) {
        let now = self.nanoseconds
        guard deadline > now else { return }
        let (seconds, nanoseconds) = Int(deadline - now).quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        nanosleep(&time, nil)
    }

    /// Processor time in nanoseconds of this process, threads that have ended included, without the mock broker's own
    /// thread.
    static var processorTime: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) - self.mockBrokerTime
    }

    private static var mockBrokerTime: Int64 {
        let tasks = "/proc/self/task"
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? [] {
            guard let name = try? String(contentsOfFile: "\(tasks)/\(thread)/comm", encoding: .utf8),
                name.hasPrefix("rdk:mock"),
                let line = try? String(contentsOfFile: "\(tasks)/\(thread)/schedstat", encoding: .utf8)
            else { continue }
            return line.split(separator: " ").first.flatMap { Int64($0) } ?? 0
        }
        return 0
    }
}
