import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// A stage's executable as a process, with its admin port.
package struct StageProcess: Sendable {
    package let program: Program
    package let adminPort: Int

    package init(program: Program, adminPort: Int) {
        self.program = program
        self.adminPort = adminPort
    }

    package var name: String { self.program.name }

    /// Starts it and waits until `/readyz` answers 200.
    package func startAndWait(limit: Duration = .seconds(60)) async throws {
        try await self.program.start()
        try await self.ready(within: limit)
    }

    /// Kills it with SIGKILL and starts it again with the same instance id.
    package func killAndRestart(limit: Duration = .seconds(60)) async throws {
        try await self.program.kill()
        try await self.startAndWait(limit: limit)
    }

    /// Waits until `/readyz` answers 200.
    /// - Throws: `TimedOut` or `Program.Failure`, with what it waits for and the end of its log.
    package func ready(within limit: Duration = .seconds(60)) async throws {
        do {
            try await eventually("\(self.name) ready", timeout: limit, every: .milliseconds(50)) {
                if let exit = self.program.exit {
                    throw Program.Failure(description: "\(self.name) ended (\(exit)):\n\(self.program.logTail())")
                }
                return (try? await self.get("/readyz"))?.status == 200
            }
        } catch var error as TimedOut {
            let answer = (try? await self.get("/readyz"))?.body ?? "no answer"
            error.detail = "/readyz: \(answer)\n\(self.program.logTail())"
            throw error
        }
    }

    /// The value of a metric in `/metrics`, summed over its labels; 0 when there is none.
    package func metric(_ name: String) async throws -> Double {
        try await self.get("/metrics").body.split(separator: "\n")
            .filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
            .reduce(0, +)
    }

    /// A path of the admin server.
    package func get(_ path: String) async throws -> (status: Int, body: String) {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(self.adminPort)\(path)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
        let body = try await response.body.collect(upTo: 4 << 20)
        return (Int(response.status.code), String(buffer: body))
    }
}
