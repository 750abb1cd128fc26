import CallEvents
import Foundation
import Kafka
import TestSupport
import Testing

/// Deploy/examples: how systems that know nothing of ours read the results.
@Suite(.timeLimit(.minutes(3))) struct OtherSystemTests {
    private static let example = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Deploy/examples/quotes.py")

    private func start(on deployment: Deployment) async throws -> Program {
        let log = FileManager.default.temporaryDirectory.appending(path: "quotes-\(UUID()).log")
        let program = Program(
            "quotes.py",
            // Debian's, which has the package; another python3 may come first in PATH.
            path: "/usr/bin/python3",
            arguments: [Self.example.path()],
            environment: [
                "KAFKA_BOOTSTRAP_SERVERS": deployment.broker.bootstrapServers,
                "VOICE_TOPIC_PREFIX": deployment.broker.topics.prefix,
            ],
            logFile: log.path()
        )
        try await program.start()
        return program
    }

    @Test func `the example prints each quote once, also when a record is repeated`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        try await deployment.write(.requested)
        _ = try await deployment.commands(atLeast: 1)
        let epoch = try await deployment.write(.claimed)[0]
        let first = #"{"price":45,"details":"oil change"}"#
        try await deployment.write(.asks("c1", "extract_quote", first), session: epoch)
        let quote = try await deployment.quotes()[0]
        try await deployment.repeatRecord(quote.record)
        try await deployment.write(.asks("c2", "extract_quote", #"{"price":"€50"}"#), session: epoch)
        #expect(try await deployment.records(of: .resultsQuotes, atLeast: 3).count == 3)

        let example = try await self.start(on: deployment)
        try await eventually("all quotes are printed", timeout: .seconds(90)) {
            example.exit != nil || example.log().contains(".c2 ") ? true : nil
        }
        let sid = Deployment.callSid
        #expect(example.log() == "\(sid).c1 45.00 USD oil change\n\(sid).c2 50.00 EUR \n")
        try await example.kill()
        try FileManager.default.removeItem(atPath: example.logFile)
        try await coordinator.stop()
        await deployment.end()
    }
}
