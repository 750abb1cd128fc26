package import CallEvents
import SwiftProtobuf

/// A record of a result topic.
package enum CallResult: Sendable, Equatable {
    case quote(Quote)
    case appointment(Appointment)
    case order(Order)
    case offer(Offer)
    case comparison(Comparison)
    case transcript(Transcript)
    case call(CallSummary)

    /// What `type` can be.
    package static let types = ["quote", "appointment", "order", "offer", "comparison", "transcript", "call"]

    package var type: String { self.parts.type }
    package var topic: Topic { self.parts.topic }
    /// Whoever writes the same thing again writes it under the same id.
    package var id: String { self.parts.id }
    package var callSid: String { self.parts.callSid }

    /// Proto3 JSON.
    package var json: String {
        get throws { try self.parts.message.jsonString() }
    }

    /// CloudEvents attributes, in the binary mode of its Kafka binding.
    package var headers: [(name: String, value: String)] {
        [
            ("ce_specversion", "1.0"), ("ce_id", self.id), ("ce_type", "lifehub.voice.\(self.type).v1"),
            ("ce_source", "/lifehub-voice/agent-coordinator"), ("ce_time", self.parts.time),
            ("content-type", "application/json"),
        ]
    }

    private struct Parts {
        var type: String
        var topic: Topic
        var id: String
        var callSid: String
        var time: String
        var message: any Message

        init(_ type: String, _ topic: Topic, _ id: String, _ callSid: String, _ time: String, _ message: any Message) {
            self.type = type
            self.topic = topic
            self.id = id
            self.callSid = callSid
            self.time = time
            self.message = message
        }
    }

    private var parts: Parts {
        switch self {
        case .quote(let made): Parts("quote", .resultsQuotes, made.quoteID, made.callSid, made.quotedAt, made)
        case .appointment(let made):
            Parts("appointment", .resultsAppointments, made.appointmentID, made.callSid, made.recordedAt, made)
        case .order(let made): Parts("order", .resultsOrders, made.orderID, made.callSid, made.recordedAt, made)
        case .offer(let made): Parts("offer", .resultsOffers, made.offerID, made.callSid, made.recordedAt, made)
        case .comparison(let made):
            Parts("comparison", .resultsComparisons, made.comparisonID, made.callSid, made.comparedAt, made)
        case .transcript(let made):
            Parts("transcript", .resultsTranscripts, made.utteranceID, made.callSid, made.startedAt, made)
        case .call(let made): Parts("call", .resultsCalls, made.callSid, made.callSid, made.endedAt, made)
        }
    }
}
