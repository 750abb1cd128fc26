import CallEvents
import ResultsStore

/// A store that cannot be reached.
struct AwayStore: ResultsStore {
    private let error = ResultsStoreError(.unavailable, "away")

    func positions() async throws -> [ResultsPosition: Int64] { throw self.error }
    func states(of callSids: Set<String>) async throws -> [String: CallState] { throw self.error }
    func write(_ batch: ResultsBatch) async throws { throw self.error }
    func history(of callSid: String) async throws -> CallHistory? { throw self.error }
    func calls(_ query: CallQuery) async throws -> CallPage { throw self.error }
    func statistics(_ query: StatisticsQuery) async throws -> Statistics { throw self.error }
    func calls(changedAfter offsets: [Int32: Int64]?, limit: Int) async throws -> [CallRow] { throw self.error }
}
