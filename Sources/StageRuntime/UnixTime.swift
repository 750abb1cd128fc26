#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The system clock, since 1970.
package enum UnixTime {
    package static var nowUs: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    package static var nowMs: Int64 { self.nowUs / 1_000 }

    package static var nowSeconds: Int64 { self.nowUs / 1_000_000 }
}
