import JSON
import RealtimeSimulator
import Testing

/// The events that are sent, compared with the recorded ones: the same members, each of a kind that was seen.
@Suite(.timeLimit(.minutes(1)))
struct EventShapeTests {
    @Test func `every event has the members of the recorded ones`() async throws {
        var shapes = EventShapes()
        for example in try Fixture.serverExamples.get() {
            let event = try #require(example["event"])
            shapes.learn(event, as: try #require(event["type"]?.stringValue))
        }
        // What the reference says and no example shows.
        shapes.learn(5000, as: "idle_timeout_ms")
        shapes.learn(.null, as: "language")
        shapes.learn(["type": "output_audio", "transcript": "x", "audio": "AAAA"], as: "content")
        let learned = shapes
        let script = Script(
            pace: 20,
            thinkMs: 0,
            rules: [Rule(.toolOutput("extract_quote"), [.fault(.fail(.init(code: "insufficient_quota")))])]
                + Script.demoRules
        )
        try await withSimulator(script) { simulator in
            try await withSession(simulator) { peer in
                try await Self.provokeEverything(peer)
                for event in peer.events {
                    let type = try #require(event["type"]?.stringValue)
                    var members = try #require(event.objectValue)
                    // On each delta of the wire; the examples of text have none.
                    if type == "response.output_text.delta" { members["obfuscation"] = nil }
                    #expect(learned.complaints(about: .object(members), as: type) == [], "\(event.text.prefix(600))")
                }
                #expect(Set(peer.types).count == 30, "\(Set(peer.types).sorted())")
            }
        }
    }

    /// Each event that a session over WebSocket can send without remote tools.
    private static func provokeEverything(_ peer: Peer) async throws {
        try await peer.configure(detection: ["type": "server_vad", "idle_timeout_ms": 5000])
        try await peer.send(#"{"type":"session.update","session":{"type":"realtime","reasoning":{"effort":"low"}}}"#)
        try await peer.speak("greeting")
        let first = try await peer.wait("response.done")
        let item = try #require(first["response"]?["output"]?.arrayValue?.first?["id"]?.stringValue)
        try await peer.send(
            #"{"type":"conversation.item.truncate","item_id":"\#(item)","content_index":0,"audio_end_ms":100}"#
        )
        try await peer.speak("price")
        let second = try await peer.wait("response.done", count: 2)
        let call = try #require(second["response"]?["output"]?.arrayValue?.first?["call_id"]?.stringValue)
        try await peer.answer(call)
        try await peer.wait("response.done", count: 3)
        try await peer.send(try Fixture.clientEvent("response-create-out-of-band"))
        try await peer.wait("response.done", count: 4)
        try await peer.send(#"{"type":"response.create","response":{"max_output_tokens":30}}"#)
        try await peer.wait("response.done", count: 5)
        try await peer.send(#"{"type":"conversation.item.retrieve","item_id":"\#(item)"}"#)
        try await peer.send(#"{"type":"conversation.item.delete","item_id":"\#(item)"}"#)
        try await peer.send(#"{"type":"input_audio_buffer.clear"}"#)
        try await peer.send("{")
        try await peer.wait("input_audio_buffer.timeout_triggered")
        try await peer.wait("response.output_audio.delta", count: peer.events("response.output_audio.delta").count + 1)
        try await peer.send(#"{"type":"response.cancel"}"#)
        try await peer.wait("rate_limits.updated", count: 6)
    }

    @Test func `the order is that of the recorded sequences`() async throws {
        let script = Script(
            pace: 2,
            thinkMs: 0,
            rules: [
                Rule(.heard("price"), [.call("extract_quote", ["price": 45])]),
                Rule(.toolOutput("extract_quote"), [.say("confirm")]), Rule(.heard("greeting"), [.say("long")]),
            ]
        )
        try await withSimulator(script) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("price")
                let call = try await peer.wait("response.done")["response"]?["output"]?.arrayValue?.first?["call_id"]
                try await peer.answer(try #require(call?.stringValue))
                try await peer.wait("rate_limits.updated", count: 2)
                try Self.expectOrder(peer, of: "function-call")
            }
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                try await peer.wait("response.output_audio.delta", count: 2)
                try await peer.speak("wait", tail: 0)
                let done = try await peer.wait("response.done")
                let item = try #require(done["response"]?["output"]?.arrayValue?.first?["id"]?.stringValue)
                try await peer.send(
                    #"{"type":"conversation.item.truncate","item_id":"\#(item)","content_index":0,"audio_end_ms":320}"#
                )
                try await peer.wait("conversation.item.truncated")
                try await peer.wait("rate_limits.updated")
                try await peer.speak(Turn.silence(6400))
                try await peer.wait("response.created", count: 2)
                try Self.expectOrder(peer, of: "interruption-while-generating")
            }
        }
    }

    private static func expectOrder(_ peer: Peer, of sequence: String) throws {
        let recorded = try #require(try Fixture.sequences.get().first { $0["name"]?.stringValue == sequence })
        let expected = try #require(recorded["events"]?.arrayValue).filter { $0["from"] == "server" }
            .compactMap { $0["event"]?["type"]?.stringValue }
        let order = Self.collapsed(expected)
        #expect(Array(Self.collapsed(peer.types).prefix(order.count)) == order)
    }

    /// Deltas of one item are one; what may come at any time is left out.
    private static func collapsed(_ types: [String]) -> [String] {
        var result: [String] = []
        for type in types where !type.contains("transcription") && type != "rate_limits.updated" {
            let name = type.hasSuffix(".delta") && type.contains("output_audio") ? "deltas" : type
            if result.last != name || !name.hasSuffix("delta") && name != "deltas" { result.append(name) }
        }
        return result
    }
}

/// What was seen of JSON values over many examples: of each event by its type, of what is inside by its key.
struct EventShapes {
    /// Objects with the same key and the same `type`.
    private struct Objects {
        var examples = 0
        var seen: [String: Int] = [:]
    }

    private struct Place: Hashable {
        var key: String
        var variant: String
    }

    private var kinds: [String: Set<String>] = [:]
    private var objects: [Place: Objects] = [:]

    /// - Parameter key: the event's type at the top, inside the member's name; an element has that of its list.
    mutating func learn(_ value: JSONValue, as key: String) {
        self.kinds[key, default: []].insert(Self.kind(of: value))
        switch value {
        case .object(let members):
            let place = Place(key: key, variant: members["type"]?.stringValue ?? "")
            self.objects[place, default: Objects()].examples += 1
            for (name, value) in members {
                self.objects[place]?.seen[name, default: 0] += 1
                self.learn(value, as: name)
            }
        case .array(let values):
            for value in values { self.learn(value, as: key) }
        default: break
        }
    }

    func complaints(about value: JSONValue, as key: String) -> [String] {
        // Schemas of tools are the client's affair.
        if key == "tools" { return [] }
        guard self.kinds[key]?.contains(Self.kind(of: value)) ?? false else {
            return ["\(key): \(Self.kind(of: value)) instead of \(self.kinds[key]?.sorted() ?? [])"]
        }
        switch value {
        case .object(let members):
            let place = Place(key: key, variant: members["type"]?.stringValue ?? "")
            guard let known = self.objects[place] else { return ["\(key): no example of \(place.variant)"] }
            let missing = known.seen.filter { $0.value == known.examples && members[$0.key] == nil }.map(\.key)
            return missing.map { "\(key): \($0) is missing" }
                + members.flatMap { name, value in
                    known.seen[name] == nil ? ["\(key): \(name) is unknown"] : self.complaints(about: value, as: name)
                }
        case .array(let values): return values.flatMap { self.complaints(about: $0, as: key) }
        default: return []
        }
    }

    private static func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "bool"
        case .integer, .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
