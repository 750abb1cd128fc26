import Foundation

/// What the system knows about another process (Linux only).
struct ProcessProbe: Sendable {
    let pid: Int32

    /// User and system time of all its threads, those that have ended included, in seconds.
    var processorTime: Double {
        guard let text = try? String(contentsOfFile: "/proc/\(self.pid)/stat", encoding: .utf8),
            // The name may hold anything; fields 14 and 15 are the 12th and 13th behind it.
            let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Double(fields[11]), let system = Double(fields[12])
        else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/\(self.pid)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
