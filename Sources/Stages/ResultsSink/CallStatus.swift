import CallEvents
import CallFlow
import JSON
import ResultsStore

/// The answer of `GET /api/voice/status`.
enum CallStatus {
    /// - Parameter nowUs: until when a call that goes on has lasted, Unix microseconds.
    static func json(of history: CallHistory, nowUs: Int64) -> JSONValue {
        let call = history.call
        return .object([
            "callSid": .string(call.callSid),
            "requestId": .string(call.requestID),
            "businessName": .string(call.businessName),
            "userRequest": .string(call.userRequest),
            "category": .string(call.category),
            "status": .string(call.status.isEmpty ? "queued" : call.status),
            "agent": .string(call.agent),
            "endReason": call.endReason.isEmpty ? .null : .string(call.endReason),
            "handoffs": .array(history.handoffs.map(self.json)),
            "transcript": .array(history.utterances.filter { !$0.text.isEmpty }.map(self.json)),
            "quotes": .array(history.quotes.map(self.json)),
            "startedAt": self.time(call.requestedAtUs),
            "answeredAt": self.time(call.answeredAtUs),
            "endedAt": self.time(call.endedAtUs),
            "durationSeconds": .integer(self.duration(of: call, nowUs: nowUs)),
            "usage": self.json(call.usage),
        ])
    }

    /// Seconds since the person answered.
    private static func duration(of call: CallRow, nowUs: Int64) -> Int {
        guard call.answeredAtUs > 0 else { return 0 }
        let end = call.endedAtUs > 0 ? call.endedAtUs : nowUs
        return Int(max(0, end - call.answeredAtUs) / 1_000_000)
    }

    private static func json(_ utterance: UtteranceRow) -> JSONValue {
        [
            "speaker": utterance.speaker == .agent ? "agent" : "person",
            "text": .string(utterance.text),
            "at": self.time(utterance.startedAtUs),
            "interrupted": .bool(utterance.interrupted),
        ]
    }

    private static func json(_ quote: Quote) -> JSONValue {
        [
            "quoteId": .string(quote.quoteID), "price": .string(quote.price), "currency": .string(quote.currency),
            "details": .string(quote.details), "availability": .string(quote.availability),
            "agent": .string(quote.agent), "quotedAt": .string(quote.quotedAt),
        ]
    }

    private static func json(_ handoff: HandoffRow) -> JSONValue {
        [
            "fromAgent": .string(handoff.fromAgent), "toAgent": .string(handoff.toAgent),
            "reason": .string(handoff.reason), "context": .string(handoff.context),
            "timestamp": self.time(handoff.atUs),
        ]
    }

    private static func json(_ usage: Usage) -> JSONValue {
        [
            "inputTextTokens": .integer(Int(clamping: usage.inputTextTokens)),
            "inputAudioTokens": .integer(Int(clamping: usage.inputAudioTokens)),
            "cachedTextTokens": .integer(Int(clamping: usage.cachedTextTokens)),
            "cachedAudioTokens": .integer(Int(clamping: usage.cachedAudioTokens)),
            "outputTextTokens": .integer(Int(clamping: usage.outputTextTokens)),
            "outputAudioTokens": .integer(Int(clamping: usage.outputAudioTokens)),
        ]
    }

    private static func time(_ us: Int64) -> JSONValue {
        us > 0 ? .string(Timestamp.rfc3339(us: us)) : .null
    }
}
