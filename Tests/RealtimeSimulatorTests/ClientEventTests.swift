import JSON
import NIOCore
import RealtimeSimulator
import TestSupport
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct ClientEventTests {
    /// Examples that a real session over WebSocket refuses for what they refer to, with the codes.
    static let refusedExamples = [
        "session-update-transcription": "invalid_value",
        "clear-output": "invalid_value",
        "commit": "input_audio_buffer_commit_empty",
        "item-create-mcp-approval": "invalid_value",
        "item-retrieve": "item_retrieve_invalid_item_id",
        "item-truncate": "item_truncate_invalid_item_id",
        "item-delete": "item_delete_invalid_item_id",
        "response-cancel-current": "response_cancel_not_active",
        "response-cancel-by-id": "response_cancel_not_active",
        // A tracing configuration is on since the first example.
        "session-update-force-function": "invalid_value",
    ]

    @Test func `accepts every client event of the recorded examples`() async throws {
        let examples = try Fixture.clientExamples.get()
        #expect(examples.count == 35)
        let script = Script(pace: 10_000, thinkMs: 0)
        try await withSimulator(script) { simulator in
            try await withSession(simulator) { peer in
                for example in examples {
                    let name = try #require(example["name"]?.stringValue)
                    let before = peer.events("error").count
                    let responses = peer.events("response.done").count
                    try await peer.send(try #require(example["event"]))
                    if name.hasPrefix("response-create") {
                        try await peer.wait("response.done", count: responses + 1)
                    }
                    // Whatever comes next comes after the answer to the example.
                    try await peer.send(#"{"type":"conversation.item.delete","event_id":"\#(name)","item_id":"none"}"#)
                    try await eventually("the answer to \(name)") {
                        peer.events("error").contains { $0["error"]?["event_id"]?.stringValue == name } ? () : nil
                    }
                    let codes = peer.events("error").dropFirst(before).dropLast().map {
                        $0["error"]?["code"]?.stringValue
                    }
                    #expect(codes == Self.refusedExamples[name].map { [$0] } ?? [], "\(name)")
                }
            }
        }
    }

    @Test func `refuses an unknown member anywhere in an event, by its path`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                for example in try Fixture.clientExamples.get() {
                    let event = try #require(example["event"])
                    let name = try #require(example["name"]?.stringValue)
                    guard !["clear-output", "session-update-transcription"].contains(name) else { continue }
                    for (path, mutated) in Mutation.unknownMember(in: event) {
                        let error = try await peer.refusal(of: mutated)
                        #expect(error["code"] == "unknown_parameter", "\(name): \(path) \(error)")
                        #expect(error["param"]?.stringValue == path, "\(name)")
                        #expect(error["event_id"] ?? nil == event["event_id"] ?? .null, "\(name)")
                    }
                }
            }
        }
    }

    @Test func `refuses a value of another type, by its path`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                for example in try Fixture.clientExamples.get() {
                    let event = try #require(example["event"])
                    let name = try #require(example["name"]?.stringValue)
                    guard !["clear-output", "session-update-transcription"].contains(name) else { continue }
                    for (path, mutated) in Mutation.wrongType(in: event) {
                        let error = try await peer.refusal(of: mutated)
                        #expect(error["code"] == "invalid_value", "\(name): \(path) \(error)")
                        #expect(error["param"]?.stringValue == path, "\(name)")
                    }
                }
            }
        }
    }

    struct Refused: Sendable {
        var event: String
        var code: String
        var param: String?
    }

    static let refused = [
        Refused(event: "{", code: "invalid_json"),
        Refused(event: "[1]", code: "invalid_event"),
        Refused(event: #"{"event_id":"e"}"#, code: "missing_required_parameter", param: "type"),
        Refused(event: #"{"type":"foo"}"#, code: "invalid_value", param: "type"),
        Refused(event: #"{"type":7}"#, code: "invalid_value", param: "type"),
        Refused(event: #"{"type":"session.start"}"#, code: "invalid_value", param: "type"),
        Refused(
            event: #"{"type":"input_audio_buffer.clear","event_id":7}"#,
            code: "invalid_value",
            param: "event_id"
        ),
        Refused(
            event: #"{"type":"input_audio_buffer.clear","event_id":"\#(String(repeating: "x", count: 513))"}"#,
            code: "invalid_value",
            param: "event_id"
        ),
        Refused(event: #"{"type":"input_audio_buffer.append"}"#, code: "missing_required_parameter", param: "audio"),
        Refused(
            event: #"{"type":"input_audio_buffer.append","audio":"%%%%"}"#,
            code: "invalid_value",
            param: "audio"
        ),
        Refused(
            event: #"{"type":"input_audio_buffer.append","audio":"AAA"}"#,
            code: "invalid_value",
            param: "audio"
        ),
        Refused(event: #"{"type":"session.update"}"#, code: "missing_required_parameter", param: "session"),
        Refused(
            event: #"{"type":"session.update","session":{}}"#,
            code: "missing_required_parameter",
            param: "session.type"
        ),
        Refused(
            event: #"{"type":"conversation.item.truncate","item_id":"i","content_index":0}"#,
            code: "missing_required_parameter",
            param: "audio_end_ms"
        ),
        Refused(
            event: #"{"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":-1}"#,
            code: "invalid_value",
            param: "audio_end_ms"
        ),
        Refused(
            event:
                #"{"type":"conversation.item.create","item":{"type":"message","role":"assistant","content":[{"type":"text","text":"beta"}]}}"#,
            code: "invalid_value",
            param: "item.content[0].type"
        ),
        Refused(
            event:
                #"{"type":"conversation.item.create","item":{"type":"message","role":"assistant","content":[{"type":"output_audio","transcript":"x"}]}}"#,
            code: "invalid_value",
            param: "item.content[0].type"
        ),
        Refused(
            event:
                #"{"type":"conversation.item.create","item":{"id":"\#(String(repeating: "i", count: 33))","type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}"#,
            code: "invalid_value",
            param: "item.id"
        ),
        Refused(
            event:
                #"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"unknown","output":""}}"#,
            code: "invalid_tool_call_id"
        ),
        Refused(
            event:
                #"{"type":"conversation.item.create","previous_item_id":"none","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}"#,
            code: "invalid_value",
            param: "previous_item_id"
        ),
        Refused(
            event: #"{"type":"response.create","response":{"modalities":["audio"]}}"#,
            code: "unknown_parameter",
            param: "response.modalities"
        ),
        Refused(
            event: #"{"type":"response.create","response":{"metadata":{"k":1}}}"#,
            code: "invalid_value",
            param: "response.metadata.k"
        ),
        Refused(
            event:
                #"{"type":"response.create","response":{"conversation":"none","input":[{"type":"item_reference","id":"none"}]}}"#,
            code: "invalid_value",
            param: "response.input[0].id"
        ),
    ]

    @Test(arguments: refused)
    func `refuses what the service refuses`(_ refused: Refused) async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                let error = try await peer.refusal(of: refused.event)
                #expect(error["type"] == "invalid_request_error")
                #expect(error["code"]?.stringValue == refused.code)
                #expect(error["param"]?.stringValue == refused.param)
                // The session lives on.
                try await peer.configure()
            }
        }
    }

    @Test func `refuses a binary message and goes on`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.socket.send(binary: ByteBuffer(bytes: [1, 2, 3]))
                let error = try await peer.wait("error")
                #expect(error["error"]?["code"] == "invalid_event")
                try await peer.configure()
            }
        }
    }

    @Test func `echoes the client's event id in an error`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                let error = try await peer.refusal(of: #"{"type":"response.cancel","event_id":"mine"}"#)
                #expect(error["event_id"] == "mine")
                let sent = try #require(simulator.sessions.first?.errors.first)
                #expect(sent.code == "response_cancel_not_active")
                #expect(sent.eventID == "mine")
            }
        }
    }
}

/// Events with one thing wrong.
enum Mutation {
    /// With a member `bogus` added to each object that is not free-form.
    static func unknownMember(in event: JSONValue) -> [(path: String, event: JSONValue)] {
        Self.objects(in: event, path: "").map { path, _ in
            (path.isEmpty ? "bogus" : path + ".bogus", Self.changed(event, at: path) { Self.adding("bogus", to: $0) })
        }
    }

    /// With each single value replaced by one of another type.
    static func wrongType(in event: JSONValue) -> [(path: String, event: JSONValue)] {
        Self.objects(in: event, path: "").flatMap { path, members in
            members.filter { $0.key != "type" }.compactMap { key, value -> (String, JSONValue)? in
                // No member takes a list of lists.
                let wrong: JSONValue = [[["wrong"]]]
                guard !Self.freeForm.contains(key), key != "allowed_tools" else { return nil }
                let memberPath = path.isEmpty ? key : "\(path).\(key)"
                let isList = value.arrayValue != nil
                let mutated = Self.changed(event, at: path) { object in
                    guard case .object(var members) = object else { return object }
                    members[key] = isList ? ["wrong": true] : wrong
                    return .object(members)
                }
                return (memberPath, mutated)
            }
        }
    }

    /// Objects whose members are the client's own affair.
    private static let freeForm: Set<String> = ["parameters", "metadata", "variables", "headers"]

    private static func objects(in value: JSONValue, path: String) -> [(String, [String: JSONValue])] {
        switch value {
        case .object(let members):
            return [(path, members)]
                + members.filter { !Self.freeForm.contains($0.key) }.sorted { $0.key < $1.key }.flatMap { key, value in
                    Self.objects(in: value, path: path.isEmpty ? key : "\(path).\(key)")
                }
        case .array(let values):
            return values.enumerated().flatMap { Self.objects(in: $1, path: "\(path)[\($0)]") }
        default: return []
        }
    }

    private static func adding(_ key: String, to object: JSONValue) -> JSONValue {
        guard case .object(var members) = object else { return object }
        members[key] = 1
        return .object(members)
    }

    private static func changed(
        _ value: JSONValue,
        at path: String,
        _ change: (JSONValue) -> JSONValue
    ) -> JSONValue {
        let steps = path.split { $0 == "." || $0 == "[" || $0 == "]" }.map(String.init)
        return Self.changed(value, steps[...], change)
    }

    private static func changed(
        _ value: JSONValue,
        _ steps: ArraySlice<String>,
        _ change: (JSONValue) -> JSONValue
    ) -> JSONValue {
        guard let step = steps.first else { return change(value) }
        switch value {
        case .object(var members):
            if let inner = members[step] { members[step] = Self.changed(inner, steps.dropFirst(), change) }
            return .object(members)
        case .array(var values):
            if let index = Int(step) { values[index] = Self.changed(values[index], steps.dropFirst(), change) }
            return .array(values)
        default: return value
        }
    }
}
