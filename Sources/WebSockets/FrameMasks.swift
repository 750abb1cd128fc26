import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The masks of a client's frames, which nobody may foresee (RFC 6455, section 5.3). The system's generator is asked for
/// many at once: it takes a system call each time, and each frame of audio has a mask.
enum FrameMasks {
    /// What `getentropy` gives at most, in masks.
    private static let count = 64

    private static let masks = Mutex<[UInt32]>([])

    static func next() -> UInt32 {
        self.masks.withLock { masks in
            if masks.isEmpty { masks = self.fresh() }
            // Never twice, also where there are none.
            return masks.popLast() ?? UInt32.random(in: .min ... .max)
        }
    }

    private static func fresh() -> [UInt32] {
        var masks = [UInt32](repeating: 0, count: self.count)
        let failed = masks.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { getentropy($0, bytes.count) } != 0
        }
        return failed ? [] : masks
    }
}
