import CallFlow
import Foundation

/// Writes a narrator's lines to standard output: in colours on a terminal, unless `NO_COLOR` is set.
struct LinePrinter {
    private let hasColours = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    /// - Parameter call: put in front when several calls are shown.
    func print(_ line: Narrator.Line, call: String?) {
        let time = String(format: "%7.2f s", Double(line.atMs) / 1000)
        let subject = line.subject.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        let call = call.map { "…\($0.suffix(6)) " } ?? ""
        let text =
            self.hasColours
            ? "\u{1B}[\(Self.colour(line.subject))m\(subject)\(line.text)\u{1B}[0m" : subject + line.text
        // At once, also into a pipe.
        FileHandle.standardOutput.write(Data("\(call)\(time)  \(text)\n".utf8))
    }

    private static func colour(_ subject: Narrator.Line.Subject) -> Int {
        switch subject {
        case .phone, .session: 2
        case .person: 36
        case .agent: 32
        case .tool: 33
        case .result: 35
        case .problem: 31
        }
    }
}
