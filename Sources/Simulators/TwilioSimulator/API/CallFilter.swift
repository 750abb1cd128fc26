package import TwilioMedia

/// Which calls a list shows: the parameters `To`, `From`, `Status`, `ParentCallSid`, `StartTime` and `EndTime`, the last two
/// also with `<` and `>`.
///
/// A time is a day or a moment, in UTC: `2026-11-23` or `2026-11-23T04:18:00Z`. Without a sign it means that day, with `<`
/// that moment or before, with `>` that moment or after. A call that was not dialled yet has no `StartTime`.
package struct CallFilter: Sendable, Equatable {
    private enum Relation: String, CaseIterable {
        case day = ""
        case until = "<"
        case from = ">"
    }

    private var to: String?
    private var from: String?
    private var status: CallDetails.Status?
    private var hasParent = false
    private var started: [ClosedRange<Int>] = []
    private var ended: [ClosedRange<Int>] = []

    /// - Throws: 20001 for what is no status or no time.
    package init(_ query: FormFields) throws(APIError) {
        self.to = query.given("To")
        self.from = query.given("From")
        self.hasParent = query.given("ParentCallSid") != nil
        if let status = try query.choice("Status", of: CallDetails.Status.allCases.map(\.rawValue)) {
            self.status = CallDetails.Status(rawValue: status)
        }
        self.started = try Self.ranges("StartTime", of: query)
        self.ended = try Self.ranges("EndTime", of: query)
    }

    /// In milliseconds since 1970.
    private static func ranges(_ name: String, of query: FormFields) throws(APIError) -> [ClosedRange<Int>] {
        var ranges: [ClosedRange<Int>] = []
        for relation in Relation.allCases {
            guard let text = query.given(name + relation.rawValue) else { continue }
            guard let time = TwilioTime(parsing: text)?.milliseconds else {
                throw APIError(code: 20001, "\(name) is neither a day nor a moment: \(text)")
            }
            switch relation {
            case .day:
                let midnight = time / TwilioTime.day * TwilioTime.day
                ranges.append(midnight...midnight + TwilioTime.day - 1)
            // Resources show whole seconds.
            case .until: ranges.append(.min...time + 999)
            case .from: ranges.append(time...(.max))
            }
        }
        return ranges
    }

    package func matches(_ call: CallDetails) -> Bool {
        (self.to.map { $0 == call.to } ?? true) && (self.from.map { $0 == call.from } ?? true)
            && (self.status.map { $0 == call.status } ?? true) && !self.hasParent
            && Self.all(self.started, contain: call.dialed) && Self.all(self.ended, contain: call.ended)
    }

    private static func all(_ ranges: [ClosedRange<Int>], contain time: TwilioTime?) -> Bool {
        ranges.allSatisfy { range in time.map { range.contains($0.milliseconds) } ?? false }
    }
}
