import Audio

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A call as a WAV file that grows: stereo, 8 kHz, 16-bit PCM, which everything plays.
///
/// The sizes in its header are right after each `append`, so that a recording can be played while it is written and
/// survives its writer. They are 32 bits: 37 hours, and Twilio ends a call after four.
package struct StereoWAVFile: ~Copyable, Sendable {
    /// The system's `errno`.
    package struct Failure: Error, CustomStringConvertible {
        package var path: String
        package var code: Int32

        package var description: String { "\(self.path): \(String(cString: strerror(self.code)))" }
    }

    package static let sampleRate = 8_000
    private static let headerBytes = 44
    private static let bytesPerSample = 4

    package let path: String
    private let descriptor: Int32
    private var dataBytes = 0

    /// - Parameter permissions: of a file that is made; one that is there is emptied and keeps its own.
    /// - Throws: `Failure` when the file cannot be made.
    package init(path: String, permissions: UInt32) throws(Failure) {
        self.path = path
        self.descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode_t(permissions))
        guard self.descriptor >= 0 else { throw Failure(path: path, code: errno) }
        try self.write(self.header, at: 0)
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    /// - Parameter mulaw: left and right alternating.
    /// - Throws: `Failure` when it is not all written; the next `append` begins at the same place.
    package mutating func append(mulaw: [UInt8]) throws(Failure) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * mulaw.count)
        for code in mulaw {
            let sample = UInt16(bitPattern: MuLaw.samples[Int(code)])
            bytes.append(UInt8(truncatingIfNeeded: sample))
            bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
        }
        try self.write(bytes, at: Self.headerBytes + self.dataBytes)
        self.dataBytes += bytes.count
        try self.write(self.header, at: 0)
    }

    private func write(_ bytes: [UInt8], at start: Int) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(self.descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(start + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(path: self.path, code: count < 0 ? errno : ENOSPC) }
            done += count
        }
    }

    /// RIFF with one `fmt ` chunk of 16 bytes (format 1, PCM) and the `data` chunk.
    private var header: [UInt8] {
        func little(_ value: Int, bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        return Array("RIFF".utf8) + little(Self.headerBytes - 8 + self.dataBytes, bytes: 4) + Array("WAVEfmt ".utf8)
            + little(16, bytes: 4) + little(1, bytes: 2) + little(2, bytes: 2) + little(Self.sampleRate, bytes: 4)
            + little(Self.sampleRate * Self.bytesPerSample, bytes: 4) + little(Self.bytesPerSample, bytes: 2)
            + little(16, bytes: 2) + Array("data".utf8) + little(self.dataBytes, bytes: 4)
    }
}
