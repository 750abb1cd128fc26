/// A way in which the service misbehaves.
package enum Fault: Sendable, Equatable {
    /// `{"drop": true}`: the connection breaks without a close.
    case drop
    /// `{"close": 1011, "reason": "…"}`
    case close(code: UInt16, reason: String)
    /// `{"error": {"code": …, "type": …, "message": …}}`: an error event; the session goes on.
    case error(ServiceError)
    /// `{"fail": {"code": …, …}}`: the response ends as `failed`, as with rate_limit_exceeded or server_error.
    case fail(ServiceError)
    /// `{"stallMs": n}`: nothing is sent for so long.
    case stall(ms: Int)
    /// `{"expire": true}`: session_expired and close 1001.
    case expire
    /// `{"refuse": 429}`: the upgrade is answered with this HTTP status.
    case refuse(status: Int)
    /// `{"mute": true}`: the connection stays open, but nothing is heard on it any more, and nothing taken from it: a
    /// network path that is gone.
    case mute
    /// `{"garbage": "…"}`: this text message, which need not be JSON, nor an event.
    case garbage(String)
    /// `{"format": "audio/pcma"}`: the session speaks in this format from its next `session.update` on, whatever it
    /// is asked for.
    case format(String)

    package struct ServiceError: Sendable, Equatable, Codable {
        package var type: String
        package var code: String
        package var message: String

        /// - Parameter type: nil for the one that belongs to `code`.
        package init(code: String, type: String? = nil, message: String = "Simulated.") {
            self.code = code
            self.type =
                type
                ?? (["server_error", "insufficient_quota"].contains(code) ? code : "invalid_request_error")
            self.message = message
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                code: try container.decode(String.self, forKey: .code),
                type: try container.decodeIfPresent(String.self, forKey: .type),
                message: try container.decodeIfPresent(String.self, forKey: .message) ?? "Simulated."
            )
        }
    }
}

extension Fault: Codable {
    private enum CodingKeys: String, CodingKey {
        case drop, close, reason, error, fail, stallMs, expire, refuse, mute, garbage, format
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.drop) {
            self = .drop
        } else if let code = try container.decodeIfPresent(UInt16.self, forKey: .close) {
            self = .close(code: code, reason: try container.decodeIfPresent(String.self, forKey: .reason) ?? "")
        } else if let error = try container.decodeIfPresent(ServiceError.self, forKey: .error) {
            self = .error(error)
        } else if let error = try container.decodeIfPresent(ServiceError.self, forKey: .fail) {
            self = .fail(error)
        } else if let milliseconds = try container.decodeIfPresent(Int.self, forKey: .stallMs) {
            self = .stall(ms: milliseconds)
        } else if container.contains(.expire) {
            self = .expire
        } else if let status = try container.decodeIfPresent(Int.self, forKey: .refuse) {
            self = .refuse(status: status)
        } else if container.contains(.mute) {
            self = .mute
        } else if let text = try container.decodeIfPresent(String.self, forKey: .garbage) {
            self = .garbage(text)
        } else if let format = try container.decodeIfPresent(AudioFormat.self, forKey: .format) {
            self = .format(format.rawValue)
        } else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "neither an action nor a fault")
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .drop: try container.encode(true, forKey: .drop)
        case .close(let code, let reason):
            try container.encode(code, forKey: .close)
            try container.encode(reason, forKey: .reason)
        case .error(let error): try container.encode(error, forKey: .error)
        case .fail(let error): try container.encode(error, forKey: .fail)
        case .stall(let milliseconds): try container.encode(milliseconds, forKey: .stallMs)
        case .expire: try container.encode(true, forKey: .expire)
        case .refuse(let status): try container.encode(status, forKey: .refuse)
        case .mute: try container.encode(true, forKey: .mute)
        case .garbage(let text): try container.encode(text, forKey: .garbage)
        case .format(let format): try container.encode(format, forKey: .format)
        }
    }
}

/// A fault that is not part of a response.
///
/// In JSON: one moment (`upgrade`, `openMs`, `eventsSent`, `eventsReceived`, `heardMs`), `do`, and perhaps `times`,
/// `sessions`.
package struct SessionFault: Sendable, Equatable {
    package enum Moment: Sendable, Equatable {
        /// Before the upgrade; only `refuse` makes sense here, and only here.
        case upgrade
        /// So long after the socket opened.
        case open(ms: Int)
        /// When so many events were sent.
        case sent(events: Int)
        /// When so many client events came, appended audio included.
        case received(events: Int)
        /// When so much audio was appended.
        case heard(ms: Int)
    }

    package var moment: Moment
    package var fault: Fault
    /// How often, in all sessions of the simulator together; nil means in each.
    package var times: Int?
    /// Only in these sessions, counted from 1. Refused upgrades open none: they are not counted.
    package var sessions: [Int]?

    package init(_ moment: Moment, _ fault: Fault, times: Int? = nil, sessions: [Int]? = nil) {
        self.moment = moment
        self.fault = fault
        self.times = times
        self.sessions = sessions
    }
}

extension SessionFault: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case upgrade, openMs, eventsSent, eventsReceived, heardMs
        case fault = "do"
        case times, sessions
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let milliseconds = try container.decodeIfPresent(Int.self, forKey: .openMs) {
            self.moment = .open(ms: milliseconds)
        } else if let count = try container.decodeIfPresent(Int.self, forKey: .eventsSent) {
            self.moment = .sent(events: count)
        } else if let count = try container.decodeIfPresent(Int.self, forKey: .eventsReceived) {
            self.moment = .received(events: count)
        } else if let milliseconds = try container.decodeIfPresent(Int.self, forKey: .heardMs) {
            self.moment = .heard(ms: milliseconds)
        } else {
            _ = try container.decode(Bool.self, forKey: .upgrade)
            self.moment = .upgrade
        }
        self.fault = try container.decode(Fault.self, forKey: .fault)
        self.times = try container.decodeIfPresent(Int.self, forKey: .times)
        self.sessions = try container.decodeIfPresent([Int].self, forKey: .sessions)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self.moment {
        case .upgrade: try container.encode(true, forKey: .upgrade)
        case .open(let milliseconds): try container.encode(milliseconds, forKey: .openMs)
        case .sent(let count): try container.encode(count, forKey: .eventsSent)
        case .received(let count): try container.encode(count, forKey: .eventsReceived)
        case .heard(let milliseconds): try container.encode(milliseconds, forKey: .heardMs)
        }
        try container.encode(self.fault, forKey: .fault)
        try container.encodeIfPresent(self.times, forKey: .times)
        try container.encodeIfPresent(self.sessions, forKey: .sessions)
    }
}
