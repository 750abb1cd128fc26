import CallEvents
import CallFlow
import Kafka
import NIOCore
import ResultsStore
import SwiftProtobuf

/// Consumed records, read: events, results, and what is neither.
///
/// The transcripts and summaries on results.* are not consumed: the coordinator makes them by the same fold of the same
/// events that is made here, and here they are known earlier.
struct ResultsInput {
    /// The topics of results that are stored.
    static let results: [Topic] = [
        .resultsQuotes, .resultsAppointments, .resultsOrders, .resultsOffers, .resultsComparisons,
    ]

    enum Content {
        case event(CallEvent)
        case result(CallResult)
        /// Why the record is not what its topic carries.
        case unreadable(String)
    }

    private(set) var entries: [(record: KafkaRecord, content: Content)]

    init(_ records: [KafkaRecord], topics: TopicNames) {
        self.entries = records.map { ($0, Self.content(of: $0, topics)) }
    }

    private init(_ entries: [(record: KafkaRecord, content: Content)]) {
        self.entries = entries
    }

    /// The same in two parts, one of which may be empty: what is in the first comes before what is in the second.
    var halves: [ResultsInput] {
        let middle = self.entries.count / 2
        return [ResultsInput(Array(self.entries[..<middle])), ResultsInput(Array(self.entries[middle...]))]
    }

    var unreadable: [(record: KafkaRecord, reason: String)] {
        self.entries.compactMap { entry in
            if case .unreadable(let reason) = entry.content { (entry.record, reason) } else { nil }
        }
    }

    /// The same records, of which nothing is written but that they were there.
    var skipped: ResultsInput { ResultsInput(self.entries.map { ($0.record, .unreadable("refused")) }) }

    /// The offset to consume next, by partition.
    var positions: [ResultsPosition: Int64] {
        var positions: [ResultsPosition: Int64] = [:]
        for (record, _) in self.entries {
            let position = ResultsPosition(topic: record.topic, partition: record.partition)
            positions[position] = max(positions[position] ?? 0, record.offset + 1)
        }
        return positions
    }

    /// The calls that the events belong to.
    var callSids: Set<String> {
        Set(self.entries.compactMap { if case .event(let event) = $0.content { event.callSid } else { nil } })
    }

    /// What to write, when the calls are folded as far as `states`, which then are folded on.
    func batch(over states: inout [String: CallState]) -> ResultsBatch {
        var batch = ResultsBatch()
        var changed: [String: Int32] = [:]
        for (record, content) in self.entries {
            switch content {
            case .event(let event):
                let before = states[event.callSid]
                var after = before ?? CallState(callSid: event.callSid)
                guard record.offset > after.appliedOffset else { continue }
                // What the fold asks for is the coordinator's to do.
                _ = after.apply(event, at: record.offset)
                batch.add(
                    CallChanges.of(
                        event,
                        at: record.offset,
                        partition: record.partition,
                        before: before,
                        after: after
                    )
                )
                states[event.callSid] = after
                changed[event.callSid] = record.partition
            case .result(let result): batch.add(result, at: record.offset)
            case .unreadable: break
            }
        }
        for (callSid, partition) in changed {
            if let state = states[callSid] { batch.add(state, partition: partition) }
        }
        batch.positions = self.positions
        return batch
    }

    private static func content(of record: KafkaRecord, _ topics: TopicNames) -> Content {
        guard let topic = Self.results.first(where: { topics[$0] == record.topic }) else {
            do {
                return .event(try CallEvent(key: record.key, value: record.value))
            } catch {
                return .unreadable(error.code.rawValue)
            }
        }
        guard let value = record.value else { return .unreadable("no value") }
        guard let result = CallResult(topic, json: Array(value.readableBytesView)) else {
            return .unreadable("not what the topic carries")
        }
        if result.id.isEmpty { return .unreadable("no id") }
        guard CallSid(result.callSid) != nil, record.key == ByteBuffer(string: result.callSid) else {
            return .unreadable("key is not the callSid")
        }
        return .result(result)
    }
}

extension CallResult {
    /// Nil for what is not the proto3 JSON of what the topic carries. Fields of later versions are ignored.
    fileprivate init?(_ topic: Topic, json: [UInt8]) {
        func read<Made: Message>(_ type: Made.Type) throws -> Made {
            var options = JSONDecodingOptions()
            options.ignoreUnknownFields = true
            return try Made(jsonUTF8Bytes: json, options: options)
        }
        do {
            switch topic {
            case .resultsQuotes: self = .quote(try read(Quote.self))
            case .resultsAppointments: self = .appointment(try read(Appointment.self))
            case .resultsOrders: self = .order(try read(Order.self))
            case .resultsOffers: self = .offer(try read(Offer.self))
            case .resultsComparisons: self = .comparison(try read(Comparison.self))
            default: return nil
            }
        } catch {
            return nil
        }
    }
}
