package import CallEvents

/// The durable store of calls and results. What it holds is also where consumption goes on: offsets and the rows made
/// up to them are written in one transaction.
package protocol ResultsStore: Sendable {
    /// The offset to consume next, for each partition of which anything was written.
    func positions() async throws -> [ResultsPosition: Int64]

    /// The folded states of these calls; absent for a call that is not known.
    func states(of callSids: Set<String>) async throws -> [String: CallState]

    /// Writes a batch, whole or not at all. A row is replaced only by one of a higher event offset, so writing a batch
    /// again changes nothing.
    func write(_ batch: ResultsBatch) async throws

    /// One call as of the last batch; nil when it is not known.
    func call(_ callSid: String) async throws -> CallRecord?

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

/// What one consumed batch adds to the store.
package struct ResultsBatch: Sendable {
    /// Calls that changed, folded; `appliedOffset` is their event offset.
    package var calls: [CallState]
    /// Quotes, each with its offset in results.quotes.
    package var quotes: [(quote: Quote, offset: Int64)]
    /// The offset to consume next, by partition.
    package var positions: [ResultsPosition: Int64]

    package init(
        calls: [CallState] = [],
        quotes: [(quote: Quote, offset: Int64)] = [],
        positions: [ResultsPosition: Int64] = [:]
    ) {
        self.calls = calls
        self.quotes = quotes
        self.positions = positions
    }
}

/// One call, read from the store at one moment.
package struct CallRecord: Sendable, Equatable {
    package var callSid: String
    package var requestID: String
    package var businessName: String
    package var userRequest: String
    package var category: String
    /// Twilio's last `CallStatus`; empty before the first callback.
    package var status: String
    package var agent: String
    package var endReason: String
    /// Unix microseconds; 0 for what has not happened.
    package var requestedAtUs: Int64
    package var answeredAtUs: Int64
    package var endedAtUs: Int64
    package var usage: Usage
    package var handoffs: [Handoff]
    /// In the order of the conversation; only what has words.
    package var transcript: [Utterance]
    package var quotes: [Quote]
}
