#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What the program says on its own, beside its log.
enum Output {
    static var addressInUse: CInt { EADDRINUSE }

    /// One line on standard output, at once also through a pipe.
    static func line(_ text: String) {
        print(text)
        fflush(nil)
    }

    /// One line on standard error.
    static func problem(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
