import CallEvents
import ResultsStore
import StageRuntime

/// What the parameters of the read API may be.
enum CallVocabulary {
    /// Twilio's `CallStatus`; `queued` is also a call without a callback yet.
    static let statuses = [
        "queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled",
    ]
    /// As in `CallSummary.outcome`.
    static let outcomes = [
        "success", "partial", "refused", "not_available", "wrong_number", "voicemail", "no_answer", "busy", "canceled",
        "failed", "unknown",
    ]
}

extension CallQuery {
    static let limits = 1...200

    /// - Throws: `Problem` with status 400 that names all that is wrong.
    init(_ fields: QueryFields) throws(Problem) {
        var fields = fields
        self.init()
        self.status = fields.choices("status", of: CallVocabulary.statuses)
        self.inProgress = fields.bool("inProgress")
        self.agent = fields.words("agent")
        self.requestID = fields.words("requestId")
        self.category = fields.words("category")
        self.outcome = fields.text("outcome")
        if let outcome = self.outcome, !CallVocabulary.outcomes.contains(outcome) {
            fields.reject("outcome", "must be one of \(CallVocabulary.outcomes.joined(separator: ", "))")
        }
        self.text = fields.words("q")
        self.from = fields.time("from")
        self.to = fields.time("to", isEnd: true)
        self.limit = fields.int("limit", in: Self.limits) ?? 50
        if let cursor = fields.text("cursor") {
            self.after = CallCursor(text: cursor)
            if self.after == nil { fields.reject("cursor", "must be the nextCursor of an earlier answer") }
        }
        try fields.throwIfWrong()
    }
}

extension StatisticsQuery {
    private static let usualUs: Int64 = 30 * 86_400_000_000

    /// Without `to` up to now, without `from` the 30 days before.
    /// - Throws: `Problem` with status 400 that names all that is wrong.
    init(_ fields: QueryFields, nowUs: Int64) throws(Problem) {
        var fields = fields
        let from = fields.time("from")
        let to = fields.time("to", isEnd: true) ?? max(nowUs, from ?? 0)
        self.init(from: from ?? to - Self.usualUs, to: to)
        try fields.throwIfWrong()
    }
}

/// In the API, a cursor is text whose inside is nobody's business.
extension CallCursor {
    var text: String { "\(String(self.requestedAtUs, radix: 36)).\(self.callSid)" }

    init?(text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let requestedAtUs = Int64(parts[0], radix: 36), requestedAtUs >= 0,
            let callSid = CallSid(String(parts[1]))
        else { return nil }
        self.init(requestedAtUs: requestedAtUs, callSid: callSid.rawValue)
    }
}
