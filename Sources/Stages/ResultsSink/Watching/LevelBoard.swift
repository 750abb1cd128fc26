import CallEvents
import JSON

/// The newest levels of calls, for those who watch all of them.
struct LevelBoard: Sendable {
    private var levels: [String: AudioLevels] = [:]

    mutating func note(_ levels: AudioLevels, of callSid: String) { self.levels[callSid] = levels }

    /// What came since the last time; nil when nothing did.
    mutating func take() -> StreamFrame? {
        guard !self.levels.isEmpty else { return nil }
        defer { self.levels.removeAll(keepingCapacity: true) }
        let members = self.levels.mapValues { levels -> JSONValue in
            [.dbfs(levels.inboundDbfs), .dbfs(levels.outboundDbfs)]
        }
        return StreamFrame("levels", id: nil, data: .object(members), isDurable: false)
    }
}

extension StreamFrame {
    /// As whoever watches the call gets it; nil for what a later version may send.
    init?(_ update: LiveUpdate, recordedAtMs: Int64) {
        let name: String
        var members: CallDocument.Members
        switch update.body {
        case .levels(let levels):
            name = "levels"
            members = ["inboundDbfs": .dbfs(levels.inboundDbfs), "outboundDbfs": .dbfs(levels.outboundDbfs)]
        case .partial(let partial):
            name = "partial"
            members = [
                "itemId": .string(partial.itemID), "speaker": partial.speaker == .agent ? "agent" : "person",
                "text": .string(partial.text),
            ]
        case nil:
            return nil
        }
        members["recordedAt"] = CallDocument.time(recordedAtMs * 1000)
        self.init(name, id: nil, data: .object(members), recordedAtMs: recordedAtMs, isDurable: false)
    }
}

extension JSONValue {
    /// To a tenth; what is no number is silence.
    fileprivate static func dbfs(_ value: Float) -> JSONValue {
        .number(value.isFinite ? (Double(value) * 10).rounded() / 10 : -100)
    }
}
