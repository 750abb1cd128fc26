import Foundation
import JSON
import Testing

/// The recorded and checked events that the tests of the protocol module keep.
enum Fixture {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "OpenAIRealtimeTests/Fixtures")

    static let clientExamples = Result { try Self.load("openai_client_events.json", "examples") }
    static let serverExamples = Result {
        try Self.load("openai_server_events.json", "examples") + Self.load("openai_server_events.json", "wire_extras")
    }
    static let sequences = Result { try Self.load("openai_server_events.json", "sequences") }

    static func serverEvent(_ name: String) throws -> JSONValue {
        try #require(try self.serverExamples.get().first { $0["name"]?.stringValue == name }?["event"])
    }

    static func clientEvent(_ name: String) throws -> JSONValue {
        try #require(try self.clientExamples.get().first { $0["name"]?.stringValue == name }?["event"])
    }

    private static func load(_ file: String, _ member: String) throws -> [JSONValue] {
        let document = try JSONValue(parsing: Data(contentsOf: self.folder.appending(path: file)))
        return try #require(document[member]?.arrayValue)
    }
}
