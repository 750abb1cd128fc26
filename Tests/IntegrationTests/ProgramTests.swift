import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ProgramTests {
    /// Gives `body` a shell that will run `script`.
    private func withShell(
        _ script: String,
        environment: [String: String] = [:],
        body: (Program) async throws -> Void
    ) async throws {
        let logFile = "/tmp/lifehub-voice-program-\(UInt64.random(in: .min ... .max)).log"
        defer { try? FileManager.default.removeItem(atPath: logFile) }
        let arguments = ["-c", script]
        try await body(
            Program("shell", path: "/bin/sh", arguments: arguments, environment: environment, logFile: logFile)
        )
    }

    @Test func `what it prints and how it ends is known`() async throws {
        try await self.withShell("echo out $GREETING; echo err >&2; exit 3", environment: ["GREETING": "hello"]) {
            program in
            try await program.start()
            #expect(try await program.exited() == .code(3))
            #expect(program.log() == "out hello\nerr\n")
            #expect(program.pid == nil)
        }
    }

    @Test func `a killed program can be started again`() async throws {
        try await self.withShell("echo started; exec sleep 100") { program in
            try await program.start()
            try await eventually("one start") { program.log() == "started\n" }
            let first = try #require(program.pid)
            try await program.kill()
            #expect(program.exit == .signal(9))
            try await program.start()
            #expect(program.pid != first)
            try await eventually("two starts") { program.log() == "started\nstarted\n" }
            try await program.stop()
            #expect(program.exit == .signal(15))
        }
    }

    @Test func `a suspended program goes on when it is resumed`() async throws {
        try await self.withShell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done") { program in
            try await program.start()
            try await eventually("it runs") { program.log() == "up\n" }
            program.suspend()
            await #expect(throws: TimedOut.self) { try await program.exited(within: .milliseconds(100)) }
            program.resume()
            try await program.stop()
            #expect(program.log() == "up\nbye\n")
            #expect(program.exit == .code(0))
        }
    }

    @Test func `one that does not stop is killed`() async throws {
        try await self.withShell("trap '' TERM; echo up; while :; do sleep 0.01; done") { program in
            try await program.start()
            try await eventually("it runs") { program.log() == "up\n" }
            await #expect(throws: TimedOut.self) { try await program.stop(limit: .milliseconds(100)) }
            #expect(program.exit == .signal(9))
        }
    }

    @Test func `a program that is not there is an error that says where`() async throws {
        let program = Program("no-such-stage", logFile: "/dev/null")
        let error = await #expect(throws: Program.Failure.self) { try await program.start() }
        #expect(error?.description.contains("\(Program.buildDirectory)/no-such-stage") == true)
    }
}
