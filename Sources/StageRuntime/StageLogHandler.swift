import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `LOG_FORMAT`.
enum LogFormat: String, Sendable, CaseIterable {
    /// `2026-01-31T12:00:00.000Z info twilio-ingress: Call began call.sid=CA…`
    case text
    /// One JSON object a line: `time`, `level`, `logger`, `message`, and the metadata by its keys.
    case json
}

/// Writes a line for each event, its metadata sorted by key.
struct StageLogHandler: LogHandler {
    let label: String
    let format: LogFormat
    let write: @Sendable (String) -> Void
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    /// - Parameter write: is given whole lines, with their newline.
    init(
        label: String,
        format: LogFormat,
        level: Logger.Level,
        write: @escaping @Sendable (String) -> Void = StageLogHandler.writeToStandardError
    ) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let own = event.metadata { metadata.merge(own) { $1 } }
        if let error = event.error { metadata[LogKey.error] = "\(error)" }
        let fields = metadata.map { (key: $0.key, value: "\($0.value)") }.sorted { $0.key < $1.key }
        let time = Timestamp.now
        switch self.format {
        case .text: self.write(self.textLine(time, event, fields))
        case .json: self.write(self.jsonLine(time, event, fields))
        }
    }

    private func textLine(_ time: String, _ event: LogEvent, _ fields: [(key: String, value: String)]) -> String {
        var line = "\(time) \(event.level) \(self.label): "
        line += Self.singleLine(event.message.description)
        for (key, value) in fields {
            line += " \(key)="
            line += Self.needsQuotes(value) ? Self.jsonString(value) : value
        }
        return line + "\n"
    }

    private func jsonLine(_ time: String, _ event: LogEvent, _ fields: [(key: String, value: String)]) -> String {
        var line = #"{"time":"\#(time)","level":"\#(event.level)","logger":"#
        line += Self.jsonString(self.label)
        line += #","message":"#
        line += Self.jsonString(event.message.description)
        for (key, value) in fields {
            // A key must not hide one of ours.
            let name = ["time", "level", "logger", "message"].contains(key) ? "metadata." + key : key
            line += ",\(Self.jsonString(name)):\(Self.jsonString(value))"
        }
        return line + "}\n"
    }

    private static func needsQuotes(_ value: String) -> Bool {
        value.isEmpty || value.utf8.contains { $0 <= 0x20 || $0 == 0x22 || $0 == 0x7f }
    }

    private static func singleLine(_ text: String) -> String {
        text.utf8.contains { $0 < 0x20 } ? String(self.jsonString(text).dropFirst().dropLast()) : text
    }

    private static func jsonString(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default:
                out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    private static let standardErrorLock = Mutex(())

    @Sendable static func writeToStandardError(_ line: String) {
        var line = line
        self.standardErrorLock.withLock { _ in
            line.withUTF8 { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let written = Self.writeOnce(UnsafeBufferPointer(rebasing: rest))
                    guard written > 0 else { return }
                    rest = rest.dropFirst(written)
                }
            }
        }
    }

    private static func writeOnce(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        while true {
            #if canImport(Glibc)
                let count = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
            #elseif canImport(Musl)
                let count = Musl.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
            #else
                let count = Darwin.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
            #endif
            if count >= 0 || errno != EINTR { return count }
        }
    }
}

/// RFC 3339 in UTC, with milliseconds.
enum Timestamp {
    static var now: String {
        let now = Int(UnixTime.nowMs)
        return Self.text(seconds: now / 1_000, milliseconds: now % 1_000)
    }

    static func text(seconds: Int, milliseconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let fraction = String(1_000 + milliseconds).dropFirst()
        return "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
    }
}
