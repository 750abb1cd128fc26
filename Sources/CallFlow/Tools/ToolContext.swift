package import CallEvents
import SwiftProtobuf

/// What a tool may know of the call besides its arguments.
package struct ToolContext: Sendable, Equatable {
    package var callSid: String
    package var requestID: String
    package var businessName: String
    /// When the tool runs, Unix microseconds.
    package var atUs: Int64
    package var limits = CallLimits()
    /// The quotes of this request: those of this call, of other calls, and those that came with it. None twice.
    package var quotes: [Quote] = []
    /// The clock at the business; nil when nobody knows where it is: then a day counts as past when it is past
    /// everywhere, and results have no moments.
    package var timeZone: TimeZoneRules?

    package init(callSid: String, requestID: String, businessName: String, atUs: Int64) {
        self.callSid = callSid
        self.requestID = requestID
        self.businessName = businessName
        self.atUs = atUs
    }

    /// - Parameter others: quotes of other calls of the same request; those of another request are left out.
    package init(_ state: CallState, others: [Quote] = [], atUs: Int64) {
        self.init(
            callSid: state.callSid,
            requestID: state.request.requestID,
            businessName: state.request.businessName,
            atUs: atUs
        )
        self.limits = state.limits
        self.quotes.add(new: state.quotes)
        self.quotes.add(new: others.filter { $0.requestID == self.requestID && !self.requestID.isEmpty })
        self.quotes.add(given: Quote.given(with: state.request.quotes, requestID: self.requestID))
    }
}

extension ToolContext {
    /// What the clocks show at the business; in UTC when nobody knows where it is.
    var now: (date: LocalDate, time: LocalTime) { (self.timeZone ?? .utc).local(us: self.atUs) }

    /// The day before which everything is past. When nobody knows where the business is: today where the day ends last,
    /// twelve hours west of UTC.
    var earliestToday: LocalDate {
        if self.timeZone != nil { return self.now.date }
        return TimeZoneRules.clock(self.atUs.floorDivided(by: 1_000_000) - 12 * 3600).date
    }
}
