import Kafka
import ServiceLifecycle
import Testing

@testable import StageRuntime

struct StageMainTests {
    private enum Example: Stage {
        struct Configuration: Sendable {
            var port: Int
            var token: String
        }

        static let name = "example"
        static let adminPort = 9999
        static let summary = "Shows how it is done."

        static func configure(_ settings: inout Settings) -> Configuration {
            Configuration(
                port: settings.int("HTTP_PORT", default: 3001, in: 0...65_535, "Port for HTTP."),
                token: settings.requiredSecret("TOKEN", "Checks callers.")
            )
        }

        static func services(_ configuration: Configuration, context: StageContext) throws -> [any Service] { [] }
    }

    @Test func `help lists every variable with its default, though required ones are missing`() throws {
        guard case .print(let text) = StageMain.prepare(Example.self, arguments: ["--help"], environment: [:]) else {
            Issue.record("no help")
            return
        }
        #expect(text.hasPrefix("example: Shows how it is done.\n"))
        #expect(text.contains("Required:\n  TOKEN\n      Checks callers. (secret)\n"))
        #expect(text.contains("  HTTP_PORT\n      Port for HTTP. 0–65535. (default: 3001)\n"))
        #expect(text.contains("  ADMIN_PORT\n") && text.contains("default: 9999"))
        for name in [
            "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_*", "VOICE_KAFKA_PROFILE", "VOICE_TOPIC_PREFIX",
            "VOICE_TOPIC_PARTITIONS", "VOICE_INSTANCE_ID", "LOG_LEVEL", "LOG_FORMAT", "ADMIN_HOST",
        ] {
            #expect(text.contains("\n  \(name)\n"), "\(name)")
        }
    }

    @Test func `another argument is refused with 64`() throws {
        let decision = StageMain.prepare(Example.self, arguments: ["--port"], environment: ["TOKEN": "x"])
        guard case .refuse(.usage, let text) = decision else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("--port") && text.contains("--help"))
    }

    @Test func `all problems, of the stage and the common ones, are told at once with 78`() throws {
        let decision = StageMain.prepare(
            Example.self,
            arguments: [],
            environment: ["HTTP_PORT": "x", "VOICE_TOPIC_PARTITIONS": "0", "LOG_FORMAT": "xml", "LOG_LEVEL": "loud"]
        )
        guard case .refuse(.configuration, let text) = decision else {
            Issue.record("not refused")
            return
        }
        let lines = text.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.allSatisfy { $0.hasPrefix("example: ") })
    }

    @Test func `the configuration is read when nothing is wrong`() throws {
        let decision = StageMain.prepare(
            Example.self,
            arguments: [],
            environment: ["TOKEN": "x", "VOICE_INSTANCE_ID": "one", "VOICE_KAFKA_PROFILE": "embedded"]
        )
        guard case .run(let common, let configuration) = decision else {
            Issue.record("refused")
            return
        }
        #expect(configuration.port == 3001 && configuration.token == "x")
        #expect(common.kafka.instanceID == "one" && common.kafka.profile == .embedded)
    }
}
