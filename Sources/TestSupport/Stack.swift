package import CallEvents
import Foundation
package import Kafka

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The whole system as processes on free ports of loopback: a broker, the five stages, HAProxy in front, and the
/// simulators of Twilio and OpenAI Realtime. It lives as long as the closure that it is given to.
package final class Stack: Sendable {
    package struct Configuration: Sendable {
        /// `host:port` of a broker; default: what `KAFKA_BOOTSTRAP_SERVERS` of the tests says, or else `dev-broker` is
        /// started.
        package var bootstrapServers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"]
        /// Default: `kafka` for a broker that is there, `embedded` for `dev-broker`.
        package var profile: KafkaConfiguration.Profile?
        /// Default: one of its own, so that stacks that share a broker do not meet.
        package var topicPrefix = "voice-\(UInt32.random(in: .min ... .max))."
        /// What `TWILIO_API_URL` is; default: `twilio-simulator` is started.
        package var twilioURL: String?
        /// What `OPENAI_REALTIME_URL` is; default: `realtime-simulator` is started.
        package var realtimeURL: String?
        /// Arguments of the simulators that are started, besides `--port`.
        package var twilioArguments: [String] = []
        package var realtimeArguments: [String] = []
        /// 1–3, behind HAProxy.
        package var ingressInstances = 1
        package var transcoderInstances = 1
        package var sessionInstances = 1
        package var coordinatorInstances = 1
        package var partitions = 4
        /// For all stages; wins over what the stack sets.
        package var environment: [String: String] = [:]

        package init() {}
    }

    /// The account that the stages use, and a simulator must know.
    package static let twilioAccountSid = "AC00000000000000000000000000000001"
    package static let twilioAuthToken = "demo-auth-token"

    /// What callers and Twilio reach: HAProxy, or the only ingress without it.
    package let publicURL: String
    package let ingresses: [StageProcess]
    package let transcoders: [StageProcess]
    package let sessions: [StageProcess]
    package var session: StageProcess { self.sessions[0] }
    package let coordinators: [StageProcess]
    package var coordinator: StageProcess { self.coordinators[0] }
    package let sink: StageProcess
    /// How a client of its own reaches the stack's broker.
    package let kafka: KafkaConfiguration
    package let topics: TopicNames
    /// Logs, the database (`lifehub-voice.sqlite`) and the recordings (`recordings/`).
    package let directory: String
    package var database: String { "\(self.directory)/lifehub-voice.sqlite" }
    package var stages: [StageProcess] {
        [self.sink] + self.coordinators + self.sessions + self.transcoders + self.ingresses
    }

    private let outside: [Program]
    private let proxy: Program

    /// Starts everything, waits until it is ready, runs `body`, and ends everything, also when `body` throws.
    /// The directory is removed after a success; after a failure its path is in the error.
    package static func run<Result: Sendable>(
        _ configuration: Configuration = Configuration(),
        body: (Stack) async throws -> Result
    ) async throws -> Result {
        let builder = try StackBuilder(configuration)
        do {
            let stack = try await builder.start()
            let result = try await body(stack)
            await builder.endAll()
            builder.removeDirectory()
            return result
        } catch {
            await builder.endAll()
            throw StackFailure(underlying: error, directory: builder.directory)
        }
    }

    init(
        publicURL: String,
        ingresses: [StageProcess],
        transcoders: [StageProcess],
        sessions: [StageProcess],
        coordinators: [StageProcess],
        sink: StageProcess,
        kafka: KafkaConfiguration,
        topics: TopicNames,
        directory: String,
        outside: [Program],
        proxy: Program
    ) {
        self.publicURL = publicURL
        self.ingresses = ingresses
        self.transcoders = transcoders
        self.sessions = sessions
        self.coordinators = coordinators
        self.sink = sink
        self.kafka = kafka
        self.topics = topics
        self.directory = directory
        self.outside = outside
        self.proxy = proxy
    }

    /// The program that was started under this name: a stage's (`twilio-ingress-1`), `dev-broker`, `haproxy`,
    /// `twilio-simulator`, `realtime-simulator`.
    package func program(_ name: String) -> Program? {
        (self.stages.map(\.program) + self.outside + [self.proxy]).first { $0.name == name }
    }
}

/// What went wrong in a stack, and where its logs are.
package struct StackFailure: Error, CustomStringConvertible {
    package var underlying: any Error
    package var directory: String

    package var description: String { "\(self.underlying)\n(logs in \(self.directory))" }
}
