/// Which calls to list. What is nil or empty asks for nothing in particular.
package struct CallQuery: Sendable, Equatable {
    /// One of these, as Twilio names them; `queued` is also a call without a callback yet.
    package var status: [String] = []
    package var inProgress: Bool?
    package var agent: String?
    package var requestID: String?
    package var category: String?
    package var outcome: String?
    /// Part of the business's name or of the request, in any case.
    package var text: String?
    /// When the call was requested: from the first up to, and without, the second, Unix microseconds.
    package var from: Int64?
    package var to: Int64?
    /// The page behind this call.
    package var after: CallCursor?
    /// 1…200; what is outside becomes the nearest.
    package var limit = 50

    package init() {}
}

/// The last call of a page, where the next page goes on.
package struct CallCursor: Sendable, Equatable {
    package var requestedAtUs: Int64
    package var callSid: String

    package init(requestedAtUs: Int64, callSid: String) {
        self.requestedAtUs = requestedAtUs
        self.callSid = callSid
    }
}

/// Calls, those requested last first.
package struct CallPage: Sendable, Equatable {
    package var calls: [CallRow]
    /// Nil when this is the last page.
    package var next: CallCursor?

    package init(calls: [CallRow], next: CallCursor?) {
        self.calls = calls
        self.next = next
    }
}
