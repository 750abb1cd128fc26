import Recordings

/// The recording's file, made when there is something to write.
final class RecordingOutput {
    private static let progressInterval = Duration.seconds(5)

    private let path: String
    private let report: (String) -> Void
    private var file: StereoWAVFile?
    private var reportedAt = ContinuousClock.now
    private(set) var writtenMs = 0

    /// - Parameter report: is told how much is written, when that takes long.
    init(path: String, report: @escaping (String) -> Void) {
        self.path = path
        self.report = report
    }

    /// - Parameter mulaw: both tracks alternating, whole milliseconds.
    func write(_ mulaw: [UInt8]) throws {
        // What people said is for whoever asked for the recording.
        if self.file == nil { self.file = try StereoWAVFile(path: self.path, permissions: 0o600) }
        try self.file?.append(mulaw: mulaw)
        self.writtenMs += mulaw.count / 2 / (StereoWAVFile.sampleRate / 1_000)
        guard .now - self.reportedAt >= Self.progressInterval else { return }
        self.reportedAt = .now
        self.report("\(Self.clock(self.writtenMs)) written")
    }

    /// Minutes and seconds.
    static func clock(_ milliseconds: Int) -> String {
        let seconds = milliseconds / 1_000 % 60
        return "\(milliseconds / 60_000):\(seconds < 10 ? "0" : "")\(seconds)"
    }
}
