#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the system knows about this process, read when `/metrics` is asked for; the names that Prometheus clients use.
enum ProcessMetrics {
    static func exposition() -> String {
        var text = ""
        func add(_ name: String, _ kind: MetricsRegistry.Kind, _ value: Double?) {
            guard let value else { return }
            text += "# TYPE \(name) \(kind.rawValue)\n\(name) \(prometheusNumber(value))\n"
        }
        add("process_cpu_seconds_total", .counter, Self.cpuSeconds())
        add("process_resident_memory_bytes", .gauge, Self.residentBytes())
        return text
    }

    /// User and system time of all threads.
    static func cpuSeconds() -> Double? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Linux only: the second number of `/proc/self/statm` is in pages.
    static func residentBytes() -> Double? {
        guard let fields = readTextFile("/proc/self/statm")?.split(separator: " "), fields.count > 1,
            let pages = Double(fields[1])
        else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }
}
