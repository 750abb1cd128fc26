import CallEvents
import CallFlow
import JSON
import ResultsStore
import SwiftProtobuf

/// A call as the HTTP API shows it. Times are RFC 3339, null for what has not happened; money is decimal text, in US
/// dollars.
enum CallDocument {
    typealias Members = [String: JSONValue]

    /// All that is known of a call.
    /// - Parameter nowUs: until when a call that goes on has lasted, Unix microseconds.
    static func json(of history: CallHistory, nowUs: Int64) -> JSONValue {
        var members = self.summary(of: history.call, nowUs: nowUs)
        members["handoffs"] = .array(history.handoffs.map { .object(self.members(of: $0)) })
        members["transcript"] = .array(history.utterances.compactMap(self.members).map { .object($0) })
        members["tools"] = .array(history.tools.map { .object(self.members(of: $0)) })
        members["turns"] = .array(history.turns.map { .object(self.members(of: $0)) })
        members["moments"] = .array(history.moments.map { .object(self.members(of: $0)) })
        members["quotes"] = .array(history.quotes.map { .object(self.members(of: $0)) })
        members["appointments"] = .array(history.appointments.map { .object(self.members(ofResult: $0)) })
        members["orders"] = .array(history.orders.map { .object(self.members(ofResult: $0)) })
        members["offers"] = .array(history.offers.map { .object(self.members(ofResult: $0)) })
        members["comparisons"] = .array(history.comparisons.map { .object(self.members(ofResult: $0)) })
        return .object(members)
    }

    /// A call without what is listed of it.
    static func summary(of call: CallRow, nowUs: Int64) -> Members {
        [
            "callSid": .string(call.callSid), "requestId": .string(call.requestID),
            "businessName": .string(call.businessName), "userRequest": .string(call.userRequest),
            "category": .string(call.category), "direction": .string(call.direction),
            "status": .string(call.status.isEmpty ? "queued" : call.status), "agent": .string(call.agent),
            "outcome": self.known(call.outcome), "endReason": self.known(call.endReason),
            "answeredBy": self.known(call.answeredBy),
            "startedAt": self.time(call.requestedAtUs), "answeredAt": self.time(call.answeredAtUs),
            "endedAt": self.time(call.endedAtUs),
            "durationSeconds": .integer(self.durationSeconds(of: call, nowUs: nowUs)),
            "inProgress": .bool(call.isInProgress), "cost": self.dollars(call.costNanodollars),
            "usage": self.usage(call.usage), "tone": self.tone(call.tone),
            "counts": [
                "quotes": .integer(call.quotes), "appointments": .integer(call.appointments),
                "orders": .integer(call.orders), "offers": .integer(call.offers),
                "comparisons": .integer(call.comparisons),
            ],
        ]
    }

    /// Nil for one that only keeps the place of words that are not known yet.
    static func members(of utterance: UtteranceRow) -> Members? {
        guard !utterance.text.isEmpty else { return nil }
        return [
            "itemId": .string(utterance.itemID), "position": .integer(utterance.position),
            "speaker": utterance.speaker == .agent ? "agent" : "person", "agent": .string(utterance.agent),
            "text": .string(utterance.heardText),
            "generatedText": utterance.interrupted ? .string(utterance.text) : .null,
            "at": self.time(utterance.startedAtUs), "interrupted": .bool(utterance.interrupted),
            "playedMs": .integer(Int(utterance.playedMs)),
        ]
    }

    static func members(of tool: ToolRow) -> Members {
        [
            "toolCallId": .string(tool.toolCallID), "position": .integer(tool.position), "name": .string(tool.name),
            "agent": .string(tool.agent),
            "arguments": (try? JSONValue(parsing: tool.arguments)) ?? .string(tool.arguments),
            "startedAt": self.time(tool.startedAtUs), "completed": .bool(tool.completed),
            "succeeded": .bool(tool.succeeded), "output": .string(tool.output),
        ]
    }

    static func members(of handoff: HandoffRow) -> Members {
        [
            "position": .integer(handoff.position), "fromAgent": .string(handoff.fromAgent),
            "toAgent": .string(handoff.toAgent), "reason": .string(handoff.reason),
            "context": .string(handoff.context), "timestamp": self.time(handoff.atUs),
        ]
    }

    static func members(of turn: TurnRow) -> Members {
        [
            "responseId": .string(turn.responseID), "firstAudioMs": .integer(Int(turn.firstAudioMs)),
            "firstPlayedMs": .integer(Int(turn.firstPlayedMs)), "at": self.time(turn.atUs),
        ]
    }

    static func members(of moment: MomentRow) -> Members {
        [
            "id": .string(moment.eventID), "kind": .string(moment.kind.rawValue), "detail": .string(moment.detail),
            "at": self.time(moment.atUs),
        ]
    }

    /// As on its topic, and what says nothing is there too.
    static func members(of quote: Quote) -> Members {
        let unsaid: Members = ["requestId": "", "businessName": "", "details": "", "availability": "", "agent": ""]
        return self.members(ofResult: quote).merging(unsaid) { said, _ in said }
    }

    /// As on its topic.
    static func members(ofResult result: some Message) -> Members {
        // Only `Any` and numbers that are none cannot be written, and results have neither.
        guard let text = try? result.jsonString(), let json = try? JSONValue(parsing: text) else { return [:] }
        return json.objectValue ?? [:]
    }

    static func time(_ us: Int64) -> JSONValue {
        us > 0 ? .string(Timestamp.rfc3339(us: us)) : .null
    }

    static func dollars(_ nanodollars: Int64) -> JSONValue {
        .string(CallState.dollars(nanodollars: nanodollars))
    }

    /// Since the person answered.
    private static func durationSeconds(of call: CallRow, nowUs: Int64) -> Int {
        guard call.answeredAtUs > 0 else { return 0 }
        let end = call.isInProgress ? nowUs : call.endedAtUs
        return Int(max(0, end - call.answeredAtUs) / 1_000_000)
    }

    private static func known(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }

    private static func tone(_ tone: Tone) -> JSONValue {
        if tone.emotion.isEmpty, tone.urgency.isEmpty, tone.sentiment.isEmpty { return .null }
        return [
            "emotion": .string(tone.emotion), "urgency": .string(tone.urgency), "sentiment": .string(tone.sentiment),
        ]
    }

    private static func usage(_ usage: Usage) -> JSONValue {
        [
            "inputTextTokens": .integer(Int(clamping: usage.inputTextTokens)),
            "inputAudioTokens": .integer(Int(clamping: usage.inputAudioTokens)),
            "cachedTextTokens": .integer(Int(clamping: usage.cachedTextTokens)),
            "cachedAudioTokens": .integer(Int(clamping: usage.cachedAudioTokens)),
            "outputTextTokens": .integer(Int(clamping: usage.outputTextTokens)),
            "outputAudioTokens": .integer(Int(clamping: usage.outputAudioTokens)),
        ]
    }
}
