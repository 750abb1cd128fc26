import JSON

/// What the simulated model does: a JSON document, or built in code.
///
/// ```json
/// {
///   "pace": 8, "thinkMs": 200, "transcriptionMs": 150, "sessionSeconds": 3600, "pingSeconds": 20,
///   "tokensLeft": 40000, "tokenResetSeconds": 60,
///   "rules": [
///     {"heard": "greeting", "do": [{"say": "ask"}]},
///     {"heard": "price", "do": [{"call": "extract_quote", "arguments": {"price": 45}}]},
///     {"toolOutput": "extract_quote", "do": [{"say": "confirm"}]},
///     {"unrecognised": true, "times": 1, "do": [{"waitMs": 500}, {"fail": {"code": "server_error"}}]}
///   ],
///   "faults": [{"upgrade": true, "times": 2, "do": {"refuse": 429}}, {"openMs": 5000, "do": {"drop": true}}]
/// }
/// ```
///
/// A response runs the first rule that fits what it answers (see `Rule`); when none fits it says `sorry`. All members
/// are optional; an absent `rules` means those of the demo.
package struct Script: Sendable, Codable, Equatable {
    /// How much faster than it sounds speech is sent.
    package var pace: Double
    /// From the start of a response to its first output.
    package var thinkMs: Int
    /// From the end of a turn to its transcript.
    package var transcriptionMs: Int
    package var sessionSeconds: Double
    package var pingSeconds: Double
    /// What the account may still use of its 40,000 tokens a minute, besides what the newest response took.
    package var tokensLeft: Int
    /// How long the account's 40,000 tokens take to come back when all are used.
    package var tokenResetSeconds: Double
    package var rules: [Rule]
    package var faults: [SessionFault]

    package init(
        pace: Double = 8,
        thinkMs: Int = 200,
        transcriptionMs: Int = 150,
        sessionSeconds: Double = 3600,
        pingSeconds: Double = 20,
        tokensLeft: Int = 40_000,
        tokenResetSeconds: Double = 60,
        rules: [Rule] = Self.demoRules,
        faults: [SessionFault] = []
    ) {
        self.pace = pace
        self.thinkMs = thinkMs
        self.transcriptionMs = transcriptionMs
        self.sessionSeconds = sessionSeconds
        self.pingSeconds = pingSeconds
        self.tokensLeft = tokensLeft
        self.tokenResetSeconds = tokenResetSeconds
        self.rules = rules
        self.faults = faults
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case pace, thinkMs, transcriptionMs, sessionSeconds, pingSeconds, tokensLeft, tokenResetSeconds, rules, faults
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let standard = Script()
        self.pace = try container.decodeIfPresent(Double.self, forKey: .pace) ?? standard.pace
        self.thinkMs = try container.decodeIfPresent(Int.self, forKey: .thinkMs) ?? standard.thinkMs
        self.transcriptionMs =
            try container.decodeIfPresent(Int.self, forKey: .transcriptionMs) ?? standard.transcriptionMs
        self.sessionSeconds =
            try container.decodeIfPresent(Double.self, forKey: .sessionSeconds) ?? standard.sessionSeconds
        self.pingSeconds = try container.decodeIfPresent(Double.self, forKey: .pingSeconds) ?? standard.pingSeconds
        self.tokensLeft = try container.decodeIfPresent(Int.self, forKey: .tokensLeft) ?? standard.tokensLeft
        self.tokenResetSeconds =
            try container.decodeIfPresent(Double.self, forKey: .tokenResetSeconds) ?? standard.tokenResetSeconds
        self.rules = try container.decodeIfPresent([Rule].self, forKey: .rules) ?? standard.rules
        self.faults = try container.decodeIfPresent([SessionFault].self, forKey: .faults) ?? []
        try self.validate(decoder.codingPath)
    }

    private func validate(_ path: [any CodingKey]) throws {
        guard self.pace > 0, self.thinkMs >= 0, self.transcriptionMs >= 0, self.sessionSeconds > 0,
            self.pingSeconds > 0,
            (0...40_000).contains(self.tokensLeft), self.tokenResetSeconds >= 0
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: path, debugDescription: "pace and times must be positive, tokensLeft at most 40000")
            )
        }
    }
}

extension Script {
    /// The built-in script: a caller asks a business for the price of a service, notes it and says goodbye.
    package static let demo = Script()

    package static let demoRules: [Rule] = [
        Rule(.heard("greeting"), [.say("ask")]),
        Rule(
            .heard("price"),
            [
                .call(
                    "extract_quote",
                    [
                        "price": 45, "currency": "USD", "details": "service",
                        "availability": "tomorrow afternoon",
                    ]
                )
            ]
        ),
        Rule(.toolOutput("extract_quote"), [.say("confirm")]),
        Rule(
            .heard("goodbye"),
            [.say("bye"), .call("end_call", ["reason": "quote received", "outcome": "success"])]
        ),
        Rule(.opening, [.say("ask")]),
    ]
}
