package import CallEvents

/// The durable store of calls and results. What it holds is also where consumption goes on: offsets and the rows made
/// up to them are written in one transaction. Its functions throw `ResultsStoreError`.
package protocol ResultsStore: Sendable {
    /// The offset to consume next, for each partition of which anything was written.
    func positions() async throws -> [ResultsPosition: Int64]

    /// The folded states of these calls; absent for a call that is not known.
    func states(of callSids: Set<String>) async throws -> [String: CallState]

    /// Writes a batch, whole or not at all. A row is replaced only by one of a higher event offset, and positions never go
    /// back, so writing a batch again changes nothing, and neither does writing one that is out of date.
    func write(_ batch: ResultsBatch) async throws

    /// All about one call as of the last batch; nil when it is not known.
    func history(of callSid: String) async throws -> CallHistory?

    /// One page of the calls that were asked for, those requested last first.
    func calls(_ query: CallQuery) async throws -> CallPage

    func statistics(_ query: StatisticsQuery) async throws -> Statistics

    /// Calls of which something was written.
    /// - Parameters:
    ///   - offsets: by partition of topic events: calls with a higher event offset, the lowest first; of other partitions
    ///     none. Nil: the calls in progress and those requested last.
    ///   - limit: how many of each partition; of nil, how many besides those in progress.
    func calls(changedAfter offsets: [Int32: Int64]?, limit: Int) async throws -> [CallRow]
}

/// A partition of a topic.
package struct ResultsPosition: Hashable, Sendable {
    package var topic: String
    package var partition: Int32

    package init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }
}
