import FoundationEssentials

/// What the simulator plays for which called number; the file of `--script`.
///
/// ```json
/// {
///   "callsPerSecond": 1,
///   "default": { "turns": [ { "when": "atOnce", "say": "greeting" } ] },
///   "numbers": { "+15550000001": { "outcome": "busy" } },
///   "inbound": [ { "atMs": 2000, "from": "anonymous", "to": "+15550000000" } ]
/// }
/// ```
/// All members may be left out; unknown ones are refused, so that a slip of the pen does not pass unseen.
package struct SimulationScript: Sendable, Equatable, Codable {
    /// For every number not listed; by default the demo's conversation.
    package var fallback: CallScript = .demo
    /// Keyed by the number of the person on the phone: the called one as the API client writes it, or who calls us.
    package var numbers: [String: CallScript] = [:]
    /// Dialling faster than this waits in Twilio's queue (`queue_time`); nil does not wait.
    package var callsPerSecond: Double?
    /// Calls in progress at once, beyond which a further one is refused (10004); nil does not limit.
    package var concurrentCalls: Int?
    /// The calls that people make to us.
    package var inbound: [InboundCall] = []

    package init(
        fallback: CallScript = .demo,
        numbers: [String: CallScript] = [:],
        callsPerSecond: Double? = nil,
        inbound: [InboundCall] = []
    ) {
        self.fallback = fallback
        self.numbers = numbers
        self.callsPerSecond = callsPerSecond
        self.inbound = inbound
    }

    /// Reads a script's file.
    /// - Throws: `DecodingError` with the path of what is wrong, or the file system's error.
    package init(contentsOf path: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
    }

    package subscript(to number: String) -> CallScript { self.numbers[number] ?? self.fallback }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case fallback = "default"
        case numbers, callsPerSecond, concurrentCalls, inbound
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        self.fallback = try container.value(.fallback, default: .demo)
        self.numbers = try container.value(.numbers, default: [:])
        self.callsPerSecond = try container.decodeIfPresent(Double.self, forKey: .callsPerSecond)
        self.concurrentCalls = try container.decodeIfPresent(Int.self, forKey: .concurrentCalls)
        self.inbound = try container.value(.inbound, default: [])
        guard self.callsPerSecond.map({ $0 >= 0.001 }) ?? true else {
            throw DecodingError.dataCorruptedError(
                forKey: .callsPerSecond,
                in: container,
                debugDescription: "must be 0.001 or more"
            )
        }
    }
}

extension Decoder {
    /// A keyed container that has no other keys than those of `Keys`.
    func strictContainer<Keys: CodingKey & CaseIterable>(_ keys: Keys.Type) throws -> KeyedDecodingContainer<Keys> {
        let known = Set(keys.allCases.map(\.stringValue))
        let present = try self.container(keyedBy: AnyKey.self).allKeys
        if let unknown = present.first(where: { !known.contains($0.stringValue) }) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: self.codingPath + [unknown],
                    debugDescription: "unknown key \(unknown.stringValue); known are \(known.sorted())"
                )
            )
        }
        return try self.container(keyedBy: keys)
    }
}

extension KeyedDecodingContainer {
    func value<Value: Decodable>(_ key: Key, default: Value) throws -> Value {
        try self.decodeIfPresent(Value.self, forKey: key) ?? `default`
    }
}

private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
