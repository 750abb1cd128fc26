import CallEvents
import CallFlow
import Kafka
import NIOCore
import ResultsStore
import SwiftProtobuf

/// A consumed batch, read: events, quotes, and what is neither.
struct ResultsInput {
    private var events: [(event: CallEvent, offset: Int64)] = []
    private var quotes: [(quote: Quote, offset: Int64)] = []
    private(set) var unreadable: [(record: KafkaRecord, reason: String)] = []
    /// The offset to consume next, by partition.
    private(set) var positions: [ResultsPosition: Int64] = [:]

    /// Why a record is not what its topic carries.
    private struct Unreadable: Error {
        var reason: String
    }

    init(_ records: [KafkaRecord], events: String, quotes: String) {
        for record in records {
            do {
                if record.topic == events {
                    self.events.append((try Self.event(record), record.offset))
                } else if record.topic == quotes {
                    self.quotes.append((try Self.quote(record), record.offset))
                }
            } catch {
                self.unreadable.append((record, error.reason))
            }
            let position = ResultsPosition(topic: record.topic, partition: record.partition)
            self.positions[position] = max(self.positions[position] ?? 0, record.offset + 1)
        }
    }

    /// The calls that the events belong to.
    var callSids: Set<String> { Set(self.events.map(\.event.callSid)) }

    /// What to write, when the store holds these states of the calls.
    func batch(over stored: [String: CallState]) -> ResultsBatch {
        var states = stored
        var changed: Set<String> = []
        for (event, offset) in self.events {
            var state = states[event.callSid] ?? CallState(callSid: event.callSid)
            guard offset > state.appliedOffset else { continue }
            // What the fold asks for is the coordinator's to do.
            _ = state.apply(event, at: offset)
            states[event.callSid] = state
            changed.insert(event.callSid)
        }
        return ResultsBatch(
            calls: changed.compactMap { states[$0] },
            quotes: self.quotes,
            positions: self.positions
        )
    }

    private static func event(_ record: KafkaRecord) throws(Unreadable) -> CallEvent {
        do {
            return try CallEvent(key: record.key, value: record.value)
        } catch {
            throw Unreadable(reason: error.code.rawValue)
        }
    }

    private static func quote(_ record: KafkaRecord) throws(Unreadable) -> Quote {
        guard let value = record.value else { throw Unreadable(reason: "no value") }
        let quote: Quote
        do {
            var options = JSONDecodingOptions()
            options.ignoreUnknownFields = true
            quote = try Quote(jsonUTF8Bytes: Array(value.readableBytesView), options: options)
        } catch {
            throw Unreadable(reason: "not a quote")
        }
        guard !quote.quoteID.isEmpty else { throw Unreadable(reason: "no quoteId") }
        guard record.key == ByteBuffer(string: quote.callSid) else {
            throw Unreadable(reason: "key is not the callSid")
        }
        return quote
    }
}
