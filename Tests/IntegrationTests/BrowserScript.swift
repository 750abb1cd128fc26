import Foundation
import TestSupport

/// A script of Tests/Browser, which drives a real browser; see `monitor.py` there.
enum BrowserScript {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs it to its end.
    /// - Parameters:
    ///   - arguments: behind the address and the folder for answers.
    ///   - answer: is asked for what only the test can do; returns JSON text.
    /// - Throws: `Failure` with what it printed when it ends with an error.
    static func run(
        _ name: String,
        url: String = "",
        arguments: [String] = [],
        limit: Duration = .seconds(240),
        answer: (String) async throws -> String = { throw Failure(description: "asked for \($0)") }
    ) async throws {
        let exchange = FileManager.default.temporaryDirectory.appending(path: "browser-\(UUID())")
        try FileManager.default.createDirectory(at: exchange, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: exchange) }
        let script = Program(
            name,
            path: Self.package.appending(path: "Deploy/python.sh").path(),
            arguments: [Self.package.appending(path: "Tests/Browser/\(name)").path(), url, exchange.path()] + arguments,
            environment: ["PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"],
            logFile: exchange.appending(path: "log").path()
        )
        try await script.start()
        do {
            try await Self.follow(script, exchange: exchange, limit: limit, answer: answer)
        } catch {
            try? await script.kill()
            throw Failure(description: "\(name): \(error)\n\(script.logTail(lines: 60))")
        }
    }

    private static func follow(
        _ script: Program,
        exchange: URL,
        limit: Duration,
        answer: (String) async throws -> String
    ) async throws {
        var answered = 0
        let exit = try await eventually("the end of \(script.name)", timeout: limit) { () -> Program.Exit? in
            let questions = script.log().split(separator: "\n").filter { $0.hasPrefix("? ") }
            if questions.count > answered {
                let text = try await answer(String(questions[answered].dropFirst(2)))
                answered += 1
                // Whole at once: the script reads it as soon as it is there.
                try Data(text.utf8).write(to: exchange.appending(path: "\(answered)"), options: .atomic)
                return nil
            }
            return script.exit
        }
        guard exit == .code(0) else { throw Failure(description: "ended with \(exit)") }
    }
}
