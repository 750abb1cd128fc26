/// A person calls one of our numbers.
///
/// What happens in the call is their `CallScript`, where `outcome`, `ringAfterMs` and what concerns machine detection
/// have no meaning: it is the server that answers.
package struct InboundCall: Sendable, Equatable, Codable {
    /// After the simulator began to listen, or after the script was set.
    package var atMs: Int
    /// The person's number, or `anonymous`, as for a caller who withholds it.
    package var from: String
    /// Our number.
    package var to: String

    package init(atMs: Int = 0, from: String = CallRequest.withheld, to: String) {
        self.atMs = atMs
        self.from = from
        self.to = to
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case atMs, from, to
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        self.atMs = try container.value(.atMs, default: 0)
        self.from = try container.value(.from, default: CallRequest.withheld)
        self.to = try container.decode(String.self, forKey: .to)
    }
}
