import CallEvents
import CallFlow
import Foundation
import Kafka
import Logging
import NIOCore
import SwiftProtobuf

/// Reads the two topics from their beginning, prints, and decides when it has seen enough.
struct Watch {
    /// The one call to show; nil for all.
    var callSid: String?
    /// What `results.quotes` must hold once; nil for nothing.
    var expectedPrice: String?

    /// How long after the last thing that was waited for another record may show that something happened twice.
    private static let grace = Duration.seconds(1)

    private enum Input {
        case record(KafkaRecord, Topic)
        case timedOut
        /// Nothing more came within the grace time after call and quote were complete.
        case settled
    }

    /// - Returns: why the call is not as expected, or nil.
    func run(_ topics: TopicNames, _ kafka: KafkaConfiguration, timeout: Duration?) async throws -> String? {
        let (inputs, inbox) = AsyncStream.makeStream(of: Input.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            let beginnings = [Int32: KafkaPosition].each(self.partitions(of: topics), at: .edge(.beginning))
            for topic in [Topic.events, .resultsQuotes] {
                group.addTask { try await Self.read(topics[topic], beginnings, topic, kafka, into: inbox) }
            }
            if let timeout {
                group.addTask {
                    try await Task.sleep(for: timeout)
                    inbox.yield(.timedOut)
                }
            }
            var progress = Progress(callSid: self.callSid, expectedPrice: self.expectedPrice)
            var isSettling = false
            for await input in inputs {
                switch input {
                case .record(let record, let topic): progress.take(record, of: topic)
                case .timedOut: return progress.verdict(timedOut: true)
                case .settled: return progress.verdict(timedOut: false)
                }
                if progress.isComplete, !isSettling {
                    isSettling = true
                    group.addTask {
                        try await Task.sleep(for: Self.grace)
                        inbox.yield(.settled)
                    }
                }
            }
            // A reader has ended: it failed, or the task was cancelled.
            try await group.next()
            return "interrupted"
        }
    }

    private func partitions(of topics: TopicNames) -> [Int32] {
        guard let callSid else { return Array(0..<topics.partitions) }
        return [KeyPartition.of(callSid, count: topics.partitions)]
    }

    private static func read(
        _ name: String,
        _ positions: [Int32: KafkaPosition],
        _ topic: Topic,
        _ kafka: KafkaConfiguration,
        into inbox: AsyncStream<Input>.Continuation
    ) async throws {
        defer { inbox.finish() }
        var logger = Logger(label: "call-watch", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let reader = try KafkaPartitionReader(name, from: positions, configuration: kafka, logger: logger)
        for try await records in reader {
            for record in records { inbox.yield(.record(record, topic)) }
        }
    }
}

/// What was seen so far of the calls that are shown.
private struct Progress {
    let callSid: String?
    let expectedPrice: String?
    private let printer = LinePrinter()
    private var narrators: [String: Narrator] = [:]
    private var matchingQuotes = 0
    private var prices: [String] = []

    init(callSid: String?, expectedPrice: String?) {
        self.callSid = callSid
        self.expectedPrice = expectedPrice
    }

    /// The one call has ended, and the quote is there.
    var isComplete: Bool {
        guard let callSid, self.narrators[callSid]?.hasEnded == true else { return false }
        return self.expectedPrice == nil || self.matchingQuotes > 0
    }

    mutating func take(_ record: KafkaRecord, of topic: Topic) {
        if topic == .events {
            guard let event = try? CallEvent(key: record.key, value: record.value), self.shows(event.callSid) else {
                return
            }
            let lines = self.narrators[event.callSid, default: Narrator()].tell(event)
            for line in lines { self.print(line, of: event.callSid) }
        } else if let quote = Self.quote(record), self.shows(quote.callSid) {
            self.prices.append(quote.price)
            if quote.price == self.expectedPrice { self.matchingQuotes += 1 }
            let narrator = self.narrators[quote.callSid, default: Narrator()]
            self.print(narrator.tell(quote, atUs: record.timestampMs * 1000), of: quote.callSid)
        }
    }

    func verdict(timedOut: Bool) -> String? {
        if let callSid, self.narrators[callSid]?.hasEnded != true {
            return "the call has not ended in time"
        }
        guard let expectedPrice else { return nil }
        switch self.matchingQuotes {
        case 1: return nil
        case 0 where self.prices.isEmpty: return "there is no quote on results.quotes"
        case 0: return "no quote of \(expectedPrice) is on results.quotes, but \(self.prices.joined(separator: ", "))"
        default: return "the quote of \(expectedPrice) is on results.quotes \(self.matchingQuotes) times"
        }
    }

    private func shows(_ callSid: String) -> Bool { self.callSid == nil || self.callSid == callSid }

    private func print(_ line: Narrator.Line, of callSid: String) {
        self.printer.print(line, call: self.callSid == nil ? callSid : nil)
    }

    private static func quote(_ record: KafkaRecord) -> Quote? {
        guard let value = record.value else { return nil }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return try? Quote(jsonUTF8Bytes: Array(value.readableBytesView), options: options)
    }
}
