import CallEvents
import CallFlow
import Foundation
import ResultsStore
import SwiftProtobuf
import Testing

/// Folds events of calls as the sink does, and makes batches of them.
struct Folding {
    private(set) var states: [String: CallState] = [:]
    private var offset: Int64 = 0
    private var batch = ResultsBatch()

    static func sid(_ number: Int) -> String {
        "CA" + String(repeating: "0", count: 28) + String(format: "%04x", number)
    }

    mutating func add(_ body: CallEvent.OneOf_Body, call: Int = 1, partition: Int32 = 3, atUs: Int64 = 1_000_000) {
        self.offset += 2
        let event = CallEvent.with {
            $0.eventID = "e\(self.offset)"
            $0.callSid = Self.sid(call)
            $0.occurredAtUs = atUs
            $0.body = body
        }
        let before = self.states[event.callSid]
        var after = before ?? CallState(callSid: event.callSid)
        _ = after.apply(event, at: self.offset)
        self.states[event.callSid] = after
        self.batch.add(
            CallChanges.of(event, at: self.offset, partition: partition, before: before, after: after)
        )
        self.batch.add(after, partition: partition)
        self.batch.positions[ResultsPosition(topic: "events", partition: partition)] = self.offset + 1
    }

    mutating func add(_ bodies: [CallEvent.OneOf_Body], call: Int = 1, partition: Int32 = 3, atUs: Int64 = 1_000_000) {
        for body in bodies { self.add(body, call: call, partition: partition, atUs: atUs) }
    }

    mutating func add(_ result: CallResult, at offset: Int64) { self.batch.add(result, at: offset) }

    /// What was added since it was last taken.
    mutating func take() -> ResultsBatch {
        defer { self.batch = ResultsBatch() }
        return self.batch
    }
}

/// One result of each kind.
enum Made {
    static func quote(_ id: String = "q1", _ price: String = "45.00") -> Quote {
        .with {
            $0.quoteID = id
            $0.callSid = Folding.sid(1)
            $0.requestID = "req-1"
            $0.businessName = "Test Business"
            $0.price = price
            $0.currency = "USD"
            $0.details = "Robert'); DROP TABLE quotes;--"
            $0.availability = "tomorrow"
            $0.agent = "main_concierge"
            $0.quotedAt = "2026-11-23T10:00:00.000Z"
        }
    }

    static let appointment = Appointment.with {
        $0.appointmentID = "p1"
        $0.callSid = Folding.sid(1)
        $0.date = "2026-11-24"
        $0.time = "14:00"
        $0.timeZone = "Europe/Berlin"
        $0.startsAt = "2026-11-24T14:00:00+01:00"
        $0.notes = "Grüße 👋"
    }

    static let order = Order.with {
        $0.orderID = "o1"
        $0.callSid = Folding.sid(1)
        $0.items = [
            .with {
                $0.name = "pizza \"large\""
                $0.quantity = 2
                $0.customizations = ["extra cheese", "no {olives}"]
            },
            .with { $0.name = "water" },
        ]
        $0.totalPrice = "31.50"
        $0.currency = "USD"
    }

    static let offer = Offer.with {
        $0.offerID = "f1"
        $0.callSid = Folding.sid(1)
        $0.description_p = "20 % off"
        $0.discount = "20 %"
        $0.validUntilDate = "2026-12-01"
    }

    static let comparison = Comparison.with {
        $0.comparisonID = "c1"
        $0.callSid = Folding.sid(1)
        $0.criteria = "price"
        $0.ranking = [
            .with {
                $0.rank = 1
                $0.quoteID = "q1"
                $0.price = "45.00"
                $0.complete = true
                $0.reasons = ["the lowest price"]
            }
        ]
        $0.bestQuoteID = "q1"
        $0.summary = "The first is the cheapest."
    }
}
