package import Agents
package import CallFlow
import Foundation
import Kafka
package import ServiceLifecycle
package import StageRuntime

/// agent-coordinator: folds each call's events into its state, runs the tools that the model asks for, and writes the
/// commands, results and snapshots that follow.
package enum AgentCoordinatorStage: Stage {
    package static let name = "agent-coordinator"
    package static let adminPort = 9104
    package static let summary = "Decides which agent speaks, runs its tools, and writes down results."

    /// ## Variables
    /// - `VOICE_AGENTS_FILE` (path of a YAML file, default the built-in agents): who speaks, with which tools and limits.
    /// - `VOICE_MAX_CALL_SECONDS` (0 to 14400, default what the agents' file says, 180 in the built-in one; 0 is no limit).
    /// - whatever the tools in the agents' file name as `secret` (also as `NAME_FILE`): signs what is posted to them.
    package struct Configuration: Sendable {
        package var agents: AgentBook
        /// The keys of the agents' tools, by the name of their variable.
        package var secrets: [String: String] = [:]
        /// The clock at the businesses; nil when the agents' file names no time zone.
        package var timeZone: TimeZoneRules?

        package init(agents: AgentBook) {
            self.agents = agents
        }
    }

    package static func configure(_ settings: inout Settings) -> Configuration {
        var agents = Self.agents(&settings)
        agents.maxCallSeconds = UInt32(
            settings.int(
                "VOICE_MAX_CALL_SECONDS",
                default: Int(agents.maxCallSeconds),
                in: AgentBook.maxCallSecondsRange,
                "How long a call may last after the answer; 0 is no limit. Unset, the agents' file decides."
            )
        )
        var configuration = Configuration(agents: agents)
        for tool in agents.httpTools where !tool.secretVariable.isEmpty {
            let help = "The key with which what is posted to \(tool.name) is signed."
            configuration.secrets[tool.secretVariable] = settings.requiredSecret(tool.secretVariable, help)
        }
        if let name = agents.timeZone {
            configuration.timeZone = Self.timeZone(name)
            if configuration.timeZone == nil {
                settings.report("The agents' time zone \(name) is not in \(Self.timeZones): install tzdata.")
            }
        }
        return configuration
    }

    private static let timeZones = "/usr/share/zoneinfo"

    private static func timeZone(_ name: String) -> TimeZoneRules? {
        guard let file = try? Data(contentsOf: URL(filePath: "\(self.timeZones)/\(name)")) else { return nil }
        return TimeZoneRules(name: name, tzif: Array(file))
    }

    /// What is wrong with the file is reported, each problem with its line.
    private static func agents(_ settings: inout Settings) -> AgentBook {
        let name = "VOICE_AGENTS_FILE"
        settings.declare(
            name,
            "A YAML file of the agents: instructions, tools, handoffs, limits. Unset, the four built-in ones speak."
        )
        do throws(AgentFileError) {
            guard let path = settings.all(withPrefix: name)[name] else { return try AgentBook.builtIn() }
            guard let yaml = settings.contents(ofFileIn: name) else { return AgentBook.empty }
            return try AgentBook(yaml: yaml, file: path)
        } catch {
            for problem in error.problems { settings.report("\(problem)") }
            return AgentBook.empty
        }
    }

    package static func services(
        _ configuration: Configuration,
        context: StageContext
    ) throws -> [any Service] {
        let producer = try KafkaProducer(.events, configuration: context.kafka, logger: context.logger)
        let transactions = try KafkaTransactionalProducer(
            transactionalID: "\(context.group).\(context.instanceID)",
            configuration: context.kafka,
            logger: context.logger
        )
        let deadLetters = DeadLetters(
            producer: producer,
            topics: context.topics,
            stage: self.name,
            logger: context.logger
        )
        let tools = HTTPToolRunner(secrets: configuration.secrets, logger: context.logger)
        let quotes = RequestQuotes(context: context)
        let effects = EffectRunner(
            agents: configuration.agents,
            timeZone: configuration.timeZone,
            quotes: { quotes.others(than: $0, requestID: $1) },
            isRunning: { tools.isRunning($0, of: $1) }
        )
        let coordinator = try Coordinator(
            transactions: transactions,
            deadLetters: deadLetters,
            effects: effects,
            tools: tools,
            context: context
        )
        return [producer, transactions, tools, quotes, coordinator]
    }
}
