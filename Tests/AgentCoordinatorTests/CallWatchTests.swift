import CallEvents
import Foundation
import Kafka
import TestSupport
import Testing

/// The executable call-watch over a call that a coordinator handles.
@Suite(.timeLimit(.minutes(2))) struct CallWatchTests {
    private struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    @Test func `call-watch shows the call and checks that its quote is there once`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        async let watched = self.watch(deployment, "--expect-quote", "45.00", "--timeout", "60")
        try await deployment.write(.requested)
        _ = try await deployment.commands(atLeast: 1)
        let epoch = try await deployment.write(.claimed)[0]
        try await deployment.write(.asks("c1", "extract_quote", #"{"price":45}"#), session: epoch)
        _ = try await deployment.quotes()
        try await deployment.write(.status("completed", 3))

        let right = try await watched
        #expect(right.status == 0, "\(right.errors)")
        #expect(right.output.contains("calling Test Business"))
        #expect(right.output.contains(#"extract_quote {"price":45}"#))
        #expect(right.output.contains("quote 45.00 USD"))
        #expect(!right.output.contains("\u{1B}"))

        let wrong = try await self.watch(deployment, "--expect-quote", "50.00", "--timeout", "5")
        #expect(wrong.status == 1)
        #expect(wrong.errors.contains("no quote of 50.00 is on results.quotes, but 45.00"))

        // The same quote once more, as a producer that does not know whether it had been heard would write it.
        let quote = try await deployment.quotes()[0].record
        try await deployment.repeatRecord(quote)
        let doubled = try await self.watch(deployment, "--expect-quote", "45.00", "--timeout", "60")
        #expect(doubled.status == 1)
        #expect(doubled.errors.contains("2 times"))
        try await coordinator.stop()
        await deployment.end()
    }

    private func watch(_ deployment: Deployment, _ arguments: String...) async throws -> Outcome {
        let process = Process()
        // The products lie beside the tests.
        process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "call-watch")
        process.arguments =
            [
                "--bootstrap", deployment.broker.bootstrapServers, "--profile", "embedded", "--partitions", "2",
                "--call-sid", Deployment.callSid,
            ] + arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        let status = try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { ended.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { ended.resume(throwing: error) }
        }
        return Outcome(
            status: status,
            output: String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self),
            errors: String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        )
    }
}
