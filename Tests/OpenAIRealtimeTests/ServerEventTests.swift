import JSON
import NIOCore
import OpenAIRealtime
import SeededRandom
import Testing

@Suite struct `Server events` {
    @Test(arguments: Vectors.serverExamples + Vectors.wireExtras)
    func `every example decodes as its own type`(_ example: Vectors.Example) throws {
        let event = try ServerEvent(message: example.message)
        if case .unknown(let type) = event { Issue.record("\(type) is of the reference") }
        #expect(ServerEventType(rawValue: example.type) != nil)
    }

    @Test func `the vectors cover every type that is known, and no others`() {
        let types = Set(Vectors.server["event_types"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        #expect(types == Set(ServerEventType.allCases.map(\.rawValue)))
        #expect(Vectors.serverExamples.count == 84)
        #expect(Vectors.sequences.count == 5)
    }

    @Test func `every recorded sequence decodes`() throws {
        for message in Vectors.serverMessages { _ = try ServerEvent(message: message.message) }
    }

    @Test func `unknown types, fields and orders are tolerated`() throws {
        #expect(try event(#"{"type":"response.new_thing","x":[{"y":"}"}]}"#) == .unknown(type: "response.new_thing"))
        let reordered = #"""
             { "obfuscation" : "\"}", "delta":"AAEC\/\/8=" , "nested":{"delta":"!!"}, "content_index": 1,
               "item_id":"i", "response_id":"r","type":"response.output_audio.delta" }
            """#
        let part = ServerEvent.Part(responseID: "r", itemID: "i", contentIndex: 1)
        let audio = ByteBuffer(bytes: [0, 1, 2, 0xff, 0xff])
        #expect(try event(reordered) == .outputAudioDelta(ServerEvent.AudioDelta(part: part, audio: audio)))
    }

    @Test(arguments: Vectors.serverExamples)
    func `optional members may be null or absent`(_ example: Vectors.Example) throws {
        guard case .object(let members) = example.event else { return }
        for key in members.keys where !["type", "item", "item_id", "response_id", "response", "delta"].contains(key) {
            var changed = members
            changed[key] = .null
            _ = try ServerEvent(message: ByteBuffer(string: JSONValue.object(changed).text))
            changed[key] = nil
            _ = try ServerEvent(message: ByteBuffer(string: JSONValue.object(changed).text))
        }
        for (key, nested) in members {
            guard case .object(let inner) = nested else { continue }
            for name in inner.keys where name != "id" && name != "type" {
                var changed = members
                changed[key] = .object(inner.merging([name: .null]) { $1 })
                _ = try ServerEvent(message: ByteBuffer(string: JSONValue.object(changed).text))
            }
        }
    }

    @Test func `usage counts cached tokens by kind`() throws {
        let example = try #require(Vectors.serverExamples.first { $0.name == "response-done-completed" })
        guard case .responseDone(let response) = try ServerEvent(message: example.message) else {
            Issue.record("not response.done")
            return
        }
        var usage = TokenUsage()
        usage.inputText = 210
        usage.inputAudio = 120
        usage.cachedText = 192
        usage.outputText = 22
        usage.outputAudio = 60
        #expect(response.usage == usage)
        #expect(response.output.map(\.text) == ["It ships today."])
    }

    @Test(arguments: [
        "", " ", "{", "[]", "null", "42", "\"type\"", "{}", #"{"type":7}"#, #"{"type":null}"#, #"{"type":"error""#,
        #"{"type" "error"}"#, #"{"type":"error"}x"#, #"{"type":"error",}"#, #"{"a":"\"}"#, #"{"a":{"b":"}"#,
        #"{"type":"response.output_audio.delta"}"#, #"{"type":"response.output_audio.delta","item_id":"i","delta":5}"#,
        #"{"type":"response.output_audio.delta","item_id":"i","delta":"A"}"#,
        #"{"type":"response.output_audio.delta","item_id":"i","delta":"AA=A"}"#,
        #"{"type":"response.output_audio.delta","item_id":"i","delta":"=="}"#,
        #"{"type":"response.done"}"#, #"{"type":"conversation.item.added","item":7}"#,
    ])
    func `what is not a message throws`(_ text: String) {
        #expect(throws: RealtimeMessageError.self) { try event(text) }
    }

    @Test(.timeLimit(.minutes(2))) func `mutated and random bytes throw or decode, and never trap`() {
        var random = SeededGenerator(seed: 7)
        for round in 0..<4000 {
            let original = Vectors.serverMessages[round % Vectors.serverMessages.count].message
            var bytes = Array(original.readableBytesView.prefix(3000))
            for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(#""\{}[],:=/"#.utf8.randomElement(using: &random) ?? 0, at: at)
                default: bytes.removeSubrange(at...)
                }
            }
            _ = try? ServerEvent(message: ByteBuffer(bytes: bytes))
            let noise = (0..<Int.random(in: 0...64, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ServerEvent(message: ByteBuffer(bytes: noise))
        }
    }

    private func event(_ text: String) throws -> ServerEvent { try ServerEvent(message: ByteBuffer(string: text)) }
}
