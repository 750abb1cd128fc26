import ArgumentParser
import CallEvents
import CallFlow
import Foundation
import Kafka
import Logging

/// Shows calls as they happen, from Kafka alone.
@main
struct CallWatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call-watch",
        abstract: "Shows a call's conversation as it happens, from the topics events and results.quotes.",
        discussion: """
            With --call-sid it ends with the call. Exit code 0 when the call has ended (and, with --expect-quote, a \
            quote of that price is on results.quotes exactly once), 1 when not.
            """
    )

    @Option(help: "The call to watch; all calls without it, until interrupted.")
    var callSid: String?

    @Option(help: "Kafka brokers.")
    var bootstrap = "localhost:9092"

    @Option(help: "kafka, or embedded for dev-broker.")
    var profile = "kafka"

    @Option(help: "Prefix of the topics.")
    var prefix = "voice."

    @Option(help: "Partitions of the topics.")
    var partitions: Int32 = 12

    @Option(help: "The price, such as 45.00, of which one quote must have been written when the call has ended.")
    var expectQuote: String?

    @Option(help: "Seconds after which to give up; 0 for never.")
    var timeout = 0

    func validate() throws {
        if let callSid, CallSid(callSid) == nil {
            throw ValidationError("--call-sid must be CA and 32 hexadecimal digits.")
        }
        if self.expectQuote != nil, self.callSid == nil { throw ValidationError("--expect-quote needs --call-sid.") }
        if KafkaConfiguration.Profile(rawValue: self.profile) == nil {
            throw ValidationError("--profile must be kafka or embedded.")
        }
        guard (1...10_000).contains(self.partitions) else {
            throw ValidationError("--partitions must be 1 to 10000.")
        }
        guard self.timeout >= 0 else { throw ValidationError("--timeout must not be negative.") }
    }

    func run() async throws {
        let watch = Watch(callSid: self.callSid, expectedPrice: self.expectQuote)
        let topics = TopicNames(prefix: self.prefix, partitions: self.partitions)
        let failure = try await watch.run(topics, self.kafka, timeout: self.timeout > 0 ? .seconds(self.timeout) : nil)
        if let failure {
            FileHandle.standardError.write(Data("call-watch: \(failure)\n".utf8))
            throw ExitCode.failure
        }
    }

    private var kafka: KafkaConfiguration {
        KafkaConfiguration(
            bootstrapServers: self.bootstrap,
            profile: KafkaConfiguration.Profile(rawValue: self.profile) ?? .kafka,
            instanceID: "call-watch-\(ProcessInfo.processInfo.processIdentifier)"
        )
    }
}
