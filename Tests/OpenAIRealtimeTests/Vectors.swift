import Foundation
import JSON
import NIOCore
import Testing

/// The recorded and validated messages of the reference: `Fixtures/openai_*_events.json`.
enum Vectors {
    struct Example: CustomTestStringConvertible, Sendable {
        var name: String
        var event: JSONValue
        var testDescription: String { self.name }

        var type: String { self.event["type"]?.stringValue ?? "" }
        var message: ByteBuffer { ByteBuffer(string: self.event.text) }
    }

    /// One recorded exchange, in order.
    struct Sequence: CustomTestStringConvertible, Sendable {
        struct Step: Sendable {
            var fromServer: Bool
            var event: JSONValue
        }

        var name: String
        var steps: [Step]
        var testDescription: String { self.name }
    }

    static let client = Self.load("openai_client_events")
    static let server = Self.load("openai_server_events")

    static let clientExamples = Self.examples(Self.client["examples"])
    static let serverExamples = Self.examples(Self.server["examples"])
    static let wireExtras = Self.examples(Self.server["wire_extras"])
    static let sequences = (Self.server["sequences"]?.arrayValue ?? []).map { sequence in
        Sequence(
            name: sequence["name"]?.stringValue ?? "",
            steps: (sequence["events"]?.arrayValue ?? []).map { step in
                Sequence.Step(fromServer: step["from"] == "server", event: step["event"] ?? .null)
            }
        )
    }

    /// Every server message of the file.
    static let serverMessages =
        Self.serverExamples + Self.wireExtras
        + Self.sequences.flatMap { sequence in
            sequence.steps.filter(\.fromServer).map { Example(name: sequence.name, event: $0.event) }
        }

    private static func examples(_ json: JSONValue?) -> [Example] {
        (json?.arrayValue ?? []).map { Example(name: $0["name"]?.stringValue ?? "", event: $0["event"] ?? .null) }
    }

    private static func load(_ name: String) -> JSONValue {
        let path = Bundle.module.resourcePath.map { "\($0)/Fixtures/\(name).json" } ?? name
        guard let data = FileManager.default.contents(atPath: path), let json = try? JSONValue(parsing: data) else {
            Issue.record("cannot read \(path)")
            return .null
        }
        return json
    }
}
