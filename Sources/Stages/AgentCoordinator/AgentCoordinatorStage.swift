import Kafka
package import ServiceLifecycle
package import StageRuntime

/// agent-coordinator: folds each call's events into its state, runs the tools that the model asks for, and writes the
/// commands, results and snapshots that follow.
package enum AgentCoordinatorStage: Stage {
    package static let name = "agent-coordinator"
    package static let adminPort = 9104
    package static let summary = "Decides which agent speaks, runs its tools, and writes down results."

    /// The stage has no settings of its own.
    package struct Configuration: Sendable {
        package init() {}
    }

    package static func configure(_ settings: inout Settings) -> Configuration { Configuration() }

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
        let effects = EffectRunner(agents: configuration.agents, quotes: quotes, tools: tools)
        let coordinator = try Coordinator(
            transactions: transactions,
            deadLetters: deadLetters,
            effects: effects,
            context: context
        )
        return [producer, transactions, tools, quotes, coordinator]
    }
}
