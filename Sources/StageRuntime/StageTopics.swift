import CallEvents
import Kafka
import Logging

/// The topics as a stage needs them at its start: created where they are missing, and checked.
struct StageTopics: Sendable {
    private static let timeout = Duration.seconds(5)

    private let admin: KafkaAdmin
    private let names: TopicNames
    private let audio: AudioRetention
    private let logger: Logger

    init(_ common: CommonConfiguration, logger: Logger) {
        self.admin = KafkaAdmin(configuration: common.kafka, logger: logger)
        self.names = common.topics
        self.audio = common.audioRetention
        self.logger = logger
    }

    /// - Throws: what `KafkaAdmin.ensure` throws.
    func ensure() async throws {
        try await self.admin.ensure(
            TopicCatalog.specifications(self.names, audio: self.audio),
            timeout: Self.timeout
        )
        await self.checkRetention()
    }

    /// A topic that was there before keeps audio as long as whoever made it wanted. That is theirs to change: a stage
    /// that did would delete recordings, or make them, behind an operator's back.
    private func checkRetention() async {
        let recorded = Topic.allCases.filter(TopicCatalog.recordedTopics.contains).map { self.names[$0] }
        do {
            let found = try await self.admin.property("retention.ms", of: recorded, timeout: Self.timeout)
            for problem in TopicCatalog.retentionProblems(self.names, audio: self.audio, found: found) {
                self.logger.warning("\(problem)")
            }
        } catch {
            self.logger.debug("How long topics keep audio is not known", metadata: [LogKey.error: "\(error)"])
        }
    }
}
