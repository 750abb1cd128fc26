import JSON

/// How the session finds the ends of the caller's turns.
struct TurnDetection: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case server(threshold: Double, prefixPaddingMs: Int, silenceMs: Int, idleTimeoutMs: Int?)
        case semantic(eagerness: String)
    }

    var kind = Kind.server(threshold: 0.5, prefixPaddingMs: 300, silenceMs: 200, idleTimeoutMs: nil)
    var createsResponse = true
    var interruptsResponse = true

    /// - Parameter update: a checked `turn_detection`; what it leaves out stays, unless the type changes.
    func updated(by update: JSONValue) -> TurnDetection {
        var detection = self
        if update["type"]?.stringValue == "semantic_vad" {
            guard case .semantic(let eagerness) = self.kind else {
                return TurnDetection(kind: .semantic(eagerness: "auto")).updated(by: update)
            }
            detection.kind = .semantic(eagerness: update["eagerness"]?.stringValue ?? eagerness)
        } else {
            guard case .server(let threshold, let prefix, let silence, let idle) = self.kind else {
                return TurnDetection().updated(by: update)
            }
            detection.kind = .server(
                threshold: update["threshold"]?.doubleValue ?? threshold,
                prefixPaddingMs: update["prefix_padding_ms"]?.intValue ?? prefix,
                silenceMs: update["silence_duration_ms"]?.intValue ?? silence,
                idleTimeoutMs: update["idle_timeout_ms"].map(\.intValue) ?? idle
            )
        }
        detection.createsResponse = update["create_response"]?.boolValue ?? self.createsResponse
        detection.interruptsResponse = update["interrupt_response"]?.boolValue ?? self.interruptsResponse
        return detection
    }

    var idleTimeout: Duration? {
        if case .server(_, _, _, let idle?) = self.kind { .milliseconds(idle) } else { nil }
    }

    var wire: Wire {
        let specific: [(String, Wire)] =
            switch self.kind {
            case .server(let threshold, let prefix, let silence, let idle):
                [
                    ("type", "server_vad"), ("threshold", .number(threshold)), ("prefix_padding_ms", .integer(prefix)),
                    ("silence_duration_ms", .integer(silence)),
                    ("idle_timeout_ms", idle.map { .integer($0) } ?? .null),
                ]
            case .semantic(let eagerness):
                [("type", "semantic_vad"), ("eagerness", .string(eagerness))]
            }
        return .object(
            specific + [
                ("create_response", .bool(self.createsResponse)),
                ("interrupt_response", .bool(self.interruptsResponse)),
            ]
        )
    }
}
