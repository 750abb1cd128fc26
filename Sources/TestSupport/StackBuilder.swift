import AsyncHTTPClient
import CallEvents
import Foundation
import Kafka
import NIOCore
import NIOHTTP1
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Starts the programs of a `Stack` in their order and remembers them, so that all can be ended.
final class StackBuilder: Sendable {
    let directory: String
    private let configuration: Stack.Configuration
    private let started = Mutex<[Program]>([])

    init(_ configuration: Stack.Configuration) throws {
        // Recordings and a database come to lie there: only its owner can read it, and nobody can guess its name.
        var template = Array("/tmp/lifehub-voice-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Program.Failure(description: "no directory in /tmp") }
        self.directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.configuration = configuration
        mkdir(self.directory + "/recordings", 0o755)
    }

    func start() async throws -> Stack {
        let kafka = try await self.startBroker()
        let twilio = try await self.startTwilio()
        let realtime = try await self.startRealtime()
        let publicPort = try await FreePorts.take()
        let publicURL = "http://127.0.0.1:\(publicPort)"
        let common = self.commonEnvironment(kafka, twilio: twilio, realtime: realtime, publicURL: publicURL)

        let sinkPort = try await FreePorts.take()
        let sink = try await self.stage("results-sink", 1, common, httpPort: sinkPort)
        var coordinators: [StageProcess] = []
        for number in 1...max(1, self.configuration.coordinatorInstances) {
            coordinators.append(try await self.stage("agent-coordinator", number, common))
        }
        var sessions: [StageProcess] = []
        for number in 1...max(1, self.configuration.sessionInstances) {
            sessions.append(try await self.stage("realtime-session", number, common))
        }
        var transcoders: [StageProcess] = []
        for number in 1...max(1, self.configuration.transcoderInstances) {
            transcoders.append(try await self.stage("audio-transcoder", number, common))
        }
        var ingresses: [StageProcess] = []
        var ingressPorts: [Int] = []
        for number in 1...min(3, max(1, self.configuration.ingressInstances)) {
            let port = try await FreePorts.take()
            ingressPorts.append(port)
            ingresses.append(try await self.stage("twilio-ingress", number, common, httpPort: port))
        }
        for stage in [sink] + coordinators + sessions + transcoders + ingresses {
            try await stage.program.start()
        }
        for stage in [sink] + coordinators + sessions + transcoders + ingresses {
            try await stage.ready()
        }
        let ingressEnvironment = Self.proxyEnvironment(ingresses, ports: ingressPorts)
        let proxy = try await self.startProxy(
            port: publicPort,
            environment: ingressEnvironment.merging(
                ["SINK_PORT": "\(sinkPort)", "SINK_ADMIN_PORT": "\(sink.adminPort)"]
            ) { $1 }
        )
        let stages = Set(([sink] + coordinators + sessions + transcoders + ingresses).map(\.name))
        return Stack(
            publicURL: publicURL,
            ingresses: ingresses,
            transcoders: transcoders,
            sessions: sessions,
            coordinators: coordinators,
            sink: sink,
            kafka: kafka,
            topics: self.topics,
            directory: self.directory,
            outside: self.started.withLock { $0 }.filter { !stages.contains($0.name) && $0 !== proxy },
            proxy: proxy
        )
    }

    /// Last started, first ended; what does not end when asked is killed.
    func endAll() async {
        let programs = self.started.withLock { $0 }
        for program in programs.reversed() {
            program.resume()
            do {
                try await program.stop(limit: .seconds(15))
            } catch is CancellationError {
                // The test ran out of time: no more waiting.
                try? await program.kill()
            } catch {
                print("\(program.name) did not stop: \(error)\n\(program.logTail())")
            }
        }
    }

    func removeDirectory() {
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    // MARK: - The outside

    private var topics: TopicNames {
        TopicNames(prefix: self.configuration.topicPrefix, partitions: Int32(self.configuration.partitions))
    }

    private func startBroker() async throws -> KafkaConfiguration {
        if let servers = self.configuration.bootstrapServers {
            return self.kafka(servers, self.configuration.profile ?? .kafka)
        }
        let port = try await FreePorts.take()
        let arguments = [
            "--port", "\(port)", "--partitions", "\(self.topics.partitions)", "--prefix", self.topics.prefix,
        ]
        try await self.startListening(self.program("dev-broker", arguments: arguments))
        return self.kafka("127.0.0.1:\(port)", self.configuration.profile ?? .embedded)
    }

    private func kafka(_ servers: String, _ profile: KafkaConfiguration.Profile) -> KafkaConfiguration {
        KafkaConfiguration(bootstrapServers: servers, profile: profile, instanceID: "stack")
    }

    private func startTwilio() async throws -> String {
        if let url = self.configuration.twilioURL { return url }
        let port = try await FreePorts.take()
        let arguments = ["--port", "\(port)", "--recording-dir", self.directory + "/recordings"]
        let environment = [
            "TWILIO_ACCOUNT_SID": Stack.twilioAccountSid, "TWILIO_AUTH_TOKEN": Stack.twilioAuthToken,
        ]
        try await self.startListening(
            self.program(
                "twilio-simulator",
                arguments: arguments + self.configuration.twilioArguments,
                environment: environment
            )
        )
        return "http://127.0.0.1:\(port)"
    }

    private func startRealtime() async throws -> String {
        if let url = self.configuration.realtimeURL { return url }
        let port = try await FreePorts.take()
        let arguments = ["--port", "\(port)"] + self.configuration.realtimeArguments
        try await self.startListening(self.program("realtime-simulator", arguments: arguments))
        return "ws://127.0.0.1:\(port)/v1/realtime"
    }

    private func startProxy(port: Int, environment: [String: String]) async throws -> Program {
        let proxy = try Program.proxy(port: port, environment: environment, logFile: "\(self.directory)/haproxy.log")
        try await self.start(proxy)
        // Ready when a request of each backend reaches its stage.
        for path in ["/api/voice/stream", "/api/voice/status?callSid=none"] {
            try await eventually("HAProxy routes \(path)", timeout: .seconds(20), every: .milliseconds(50)) {
                let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
                let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(5))
                return response.map { $0.status != .serviceUnavailable } ?? false
            }
        }
        return proxy
    }

    // MARK: - The stages

    private func stage(
        _ name: String,
        _ number: Int,
        _ common: [String: String],
        httpPort: Int? = nil
    ) async throws -> StageProcess {
        let adminPort = try await FreePorts.take()
        var environment = common
        environment["ADMIN_PORT"] = "\(adminPort)"
        environment["VOICE_INSTANCE_ID"] = "\(name)-\(number)"
        if let httpPort {
            environment["HTTP_PORT"] = "\(httpPort)"
            environment["HTTP_HOST"] = "127.0.0.1"
        }
        environment.merge(self.configuration.environment) { $1 }
        let program = Program(
            "\(name)-\(number)",
            path: "\(Program.buildDirectory)/\(name)",
            environment: environment,
            logFile: "\(self.directory)/\(name)-\(number).log"
        )
        self.started.withLock { $0.append(program) }
        return StageProcess(program: program, adminPort: adminPort)
    }

    private func commonEnvironment(
        _ kafka: KafkaConfiguration,
        twilio: String,
        realtime: String,
        publicURL: String
    ) -> [String: String] {
        [
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers,
            "VOICE_KAFKA_PROFILE": kafka.profile.rawValue,
            "VOICE_TOPIC_PREFIX": self.topics.prefix,
            "VOICE_TOPIC_PARTITIONS": "\(self.topics.partitions)",
            "VOICE_ALLOW_ANONYMOUS": "true",
            "ADMIN_HOST": "127.0.0.1",
            "LOG_LEVEL": "debug",
            "PUBLIC_URL": publicURL,
            "TWILIO_API_URL": twilio,
            "TWILIO_ACCOUNT_SID": Stack.twilioAccountSid,
            "TWILIO_AUTH_TOKEN": Stack.twilioAuthToken,
            "TWILIO_PHONE_NUMBER": "+15550001111",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_REALTIME_URL": realtime,
            // A busy machine's simulator may be slow to answer pings.
            "VOICE_REALTIME_SILENCE_MS": "10000",
            "DATABASE_URL": "sqlite:///\(self.directory)/lifehub-voice.sqlite",
        ]
    }

    private static func proxyEnvironment(_ ingresses: [StageProcess], ports: [Int]) -> [String: String] {
        var environment: [String: String] = [:]
        for (index, (stage, port)) in zip(ingresses, ports).enumerated() {
            let prefix = index == 0 ? "INGRESS" : "INGRESS\(index + 1)"
            environment["\(prefix)_PORT"] = "\(port)"
            environment["\(prefix)_ADMIN_PORT"] = "\(stage.adminPort)"
        }
        return environment
    }

    // MARK: - Programs

    private func program(
        _ name: String,
        arguments: [String],
        environment: [String: String] = [:]
    ) -> Program {
        Program(name, arguments: arguments, environment: environment, logFile: "\(self.directory)/\(name).log")
    }

    private func start(_ program: Program) async throws {
        self.started.withLock { $0.append(program) }
        try await program.start()
    }

    /// Starts a tool and waits until it prints that it listens.
    private func startListening(_ program: Program) async throws {
        try await self.start(program)
        try await eventually("\(program.name) listening", timeout: .seconds(30), every: .milliseconds(50)) {
            if let exit = program.exit {
                throw Program.Failure(description: "\(program.name) ended (\(exit)):\n\(program.logTail())")
            }
            return program.log().contains("listening on ")
        }
    }
}
