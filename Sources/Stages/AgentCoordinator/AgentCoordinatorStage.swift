package import Agents
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
    /// - for each `http` tool of that file, the variable that its `secret_env` names (required, secret): signs its calls.
    /// - `VOICE_MAX_CALL_SECONDS` (0 to 14400, default what the agents' file says, 180 in the built-in one; 0 is no limit).
    package struct Configuration: Sendable {
        package var agents: AgentBook

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
        Self.readSecrets(&agents, &settings)
        return Configuration(agents: agents)
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

    /// Tools can share a variable.
    private static func readSecrets(_ agents: inout AgentBook, _ settings: inout Settings) {
        var secrets: [String: String] = [:]
        for index in agents.httpTools.indices {
            let tool = agents.httpTools[index]
            let secret =
                secrets[tool.secretVariable]
                ?? settings.requiredSecret(tool.secretVariable, "Signs the calls of the tool \(tool.name).")
            secrets[tool.secretVariable] = secret
            agents.httpTools[index].secret = secret
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
        let tools = HTTPToolRunner(logger: context.logger)
        let quotes = RequestQuotes(context: context)
        let effects = EffectRunner(
            agents: configuration.agents,
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
