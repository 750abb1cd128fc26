import CallEvents
import JSON
import NIOCore
import OpenAIRealtime
import Testing

@Suite struct `Client events` {
    static let schema: JSONValue = ["type": "object", "properties": [:], "required": []]

    static let agent: AgentSession = {
        var tool = ToolDefinition()
        tool.name = "extract_quote"
        tool.description_p = "Take down a price."
        tool.parameters = #"{"type":"object","properties":{"price":{"type":"number"}},"required":["price"]}"#
        var agent = AgentSession()
        agent.agent = "main_concierge"
        agent.instructions = "Be brief."
        agent.tools = [tool]
        return agent
    }()

    /// An agent that decides everything itself.
    static let particular: AgentSession = {
        var agent = Self.agent
        agent.settings.voice = "cedar"
        agent.settings.speed = 1.25
        agent.settings.noiseReduction = "far_field"
        agent.settings.reasoningEffort = "low"
        agent.settings.maxOutputTokens = 800
        agent.settings.truncation.kind = "retention_ratio"
        agent.settings.truncation.retentionRatio = 0.8
        agent.settings.truncation.postInstructionsTokens = 16_000
        agent.settings.transcription.model = "gpt-transcribe"
        agent.settings.transcription.language = "de"
        agent.settings.transcription.keywords = ["Ölwechsel"]
        agent.settings.turnDetection.semanticVad.eagerness = "low"
        agent.settings.turnDetection.interruptResponse = false
        return agent
    }()

    /// Every command that the conversation can send.
    static let commands: [ModelCommand] = [
        .configure(Self.agent, format: .pcmu), .configure(Self.agent, format: .pcm24k),
        .update(Self.agent, withSettings: false),
        .configure(Self.particular, format: .pcm24k), .update(Self.particular, withSettings: true),
        .add(.note("It has."), after: nil),
        .add(.personText(itemID: "item_1", "Hello"), after: nil),
        .add(.agentText(itemID: "item_2", "Good day"), after: "item_1"),
        .add(.toolCall(itemID: "item_3", callID: "call_1", name: "extract_quote", arguments: "{}"), after: nil),
        .add(.toolOutput(itemID: "item_4", callID: "call_1", output: "{}"), after: nil),
        .remove(itemID: "item_1"), .truncate(itemID: "item_2", contentIndex: 0, playedMs: 1440),
        .respond(instructions: nil), .respond(instructions: "Say hello."),
        .respondSilently(instructions: "Call the tool."), .cancelResponse(responseID: "resp_1"),
    ]

    @Test(arguments: Self.commands)
    func `what is sent has no member and no type that the vectors of its event do not have`(
        _ command: ModelCommand
    ) throws {
        var driver = OpenAIDriver()
        try validate(JSONValue(parsing: String(buffer: driver.message(command))))
    }

    @Test func `the hand-written append is the vector's event`() throws {
        for name in ["append-pcmu-20ms", "append-pcm-20ms"] {
            let vector = try #require(Vectors.clientExamples.first { $0.name == name }?.event)
            let text = try #require(vector["audio"]?.stringValue)
            let audio = try #require(Base64.decode(ByteBuffer(string: text)))
            let message = try JSONValue(parsing: String(buffer: OpenAIDriver().message(appending: audio)))
            #expect(message["audio"] == vector["audio"])
            try validate(message)
        }
    }

    @Test func `the encoder expresses the vectors of the events that are sent`() throws {
        let events: [(String, ClientEvent)] = [
            (
                "session-update-instructions-only",
                .sessionUpdate(ClientEvent.SessionUpdate(instructions: "Speak French from now on."))
            ),
            ("item-create-user-text", .createItem(.userText(id: nil, "Where is order 4711?"), previousItemID: nil)),
            (
                "item-create-with-id-at-root",
                .createItem(
                    .systemText(id: "item_client_1", "The caller is a known customer."),
                    previousItemID: "root"
                )
            ),
            (
                "item-create-function-call",
                .createItem(
                    .functionCall(
                        id: nil,
                        callID: "call_1",
                        name: "lookup_order",
                        arguments: #"{"order_number":"4711"}"#
                    ),
                    previousItemID: nil
                )
            ),
            (
                "item-create-function-output",
                .createItem(
                    .functionCallOutput(
                        id: nil,
                        callID: "call_1",
                        output: #"{"status":"shipped","eta":"2026-11-24"}"#
                    ),
                    previousItemID: nil
                )
            ),
            ("item-truncate", .truncateItem(itemID: "item_A1", contentIndex: 0, audioEndMs: 1440)),
            ("item-delete", .deleteItem(itemID: "item_A1")),
            ("response-create-bare", .createResponse(instructions: nil, isSpoken: true)),
            ("response-cancel-current", .cancelResponse(responseID: nil)),
            ("response-cancel-by-id", .cancelResponse(responseID: "resp_R1")),
        ]
        for (name, event) in events {
            let vector = try #require(Vectors.clientExamples.first { $0.name == name }?.event)
            var message = ByteBuffer()
            event.write(eventID: vector["event_id"]?.stringValue, into: &message)
            #expect(try JSONValue(parsing: String(buffer: message)) == vector, "\(name)")
        }
    }

    @Test func `an agent's settings go before the stage's, and its voice only where it can be changed`() throws {
        var driver = OpenAIDriver()
        let first = try JSONValue(parsing: String(buffer: driver.message(.configure(Self.particular, format: .pcmu))))
        let session = first["session"]
        #expect(session?["reasoning"] == ["effort": "low"])
        #expect(session?["max_output_tokens"] == 800)
        #expect(
            session?["truncation"] == [
                "type": "retention_ratio", "retention_ratio": 0.8, "token_limits": ["post_instructions": 16_000],
            ]
        )
        #expect(
            session?["audio"]?["output"] == ["format": ["type": "audio/pcmu"], "voice": "cedar", "speed": 1.25]
        )
        let input = session?["audio"]?["input"]
        #expect(input?["noise_reduction"] == ["type": "far_field"])
        #expect(
            input?["turn_detection"] == [
                "type": "semantic_vad", "eagerness": "low", "create_response": true, "interrupt_response": false,
            ]
        )
        #expect(
            input?["transcription"] == [
                "model": "gpt-transcribe", "language": "de", "keywords": ["Ölwechsel"],
            ]
        )
        let later = try JSONValue(parsing: String(buffer: driver.message(.update(Self.particular, withSettings: true))))
        #expect(later["session"]?["audio"]?["output"] == ["speed": 1.25])
        #expect(later["session"]?["audio"]?["input"]?["format"] == nil)
        #expect(later["session"]?["output_modalities"] == nil)
    }

    @Test func `the session is configured as the design says`() throws {
        var driver = OpenAIDriver()
        let passthrough = try JSONValue(
            parsing: String(buffer: driver.message(.configure(Self.agent, format: .pcmu)))
        )
        let audio = passthrough["session"]?["audio"]
        #expect(audio?["input"]?["format"] == ["type": "audio/pcmu"])
        #expect(audio?["output"] == ["format": ["type": "audio/pcmu"], "voice": "marin"])
        #expect(audio?["input"]?["transcription"] == ["model": "gpt-transcribe", "language": "en"])
        let detection = audio?["input"]?["turn_detection"]
        #expect(detection?["type"] == "server_vad")
        #expect(detection?["silence_duration_ms"] == 500)
        #expect(detection?["create_response"] == true)
        #expect(detection?["interrupt_response"] == true)
        #expect(passthrough["session"]?["tools"]?.arrayValue?.first?["name"] == "extract_quote")

        let pcm = try JSONValue(parsing: String(buffer: driver.message(.configure(Self.agent, format: .pcm24k))))
        #expect(pcm["session"]?["audio"]?["input"]?["format"] == ["type": "audio/pcm", "rate": 24000])
        let update = try JSONValue(parsing: String(buffer: driver.message(.update(Self.agent, withSettings: false))))
        #expect(update["session"]?["audio"] == nil)
    }

    /// Each member of `message` exists, with the same kind of value, in a vector of the same event.
    private func validate(_ message: JSONValue) throws {
        let type = try #require(message["type"])
        let vectors = Vectors.clientExamples.map(\.event).filter { $0["type"] == type }
        #expect(!vectors.isEmpty, "\(type.text) is not an event of the reference")
        let allowed = Set(vectors.flatMap { paths(of: $0) }).union(["/event_id string"])
        for path in paths(of: message) { #expect(allowed.contains(path), "\(type.text) \(path)") }
    }

    /// Every member as its path and kind of value; what a tool's schema and other free documents hold is left out.
    private func paths(of value: JSONValue, at path: String = "") -> [String] {
        switch value {
        case .object where path.hasSuffix("/parameters"): ["\(path) object"]
        case .object(let members):
            ["\(path) object"] + members.flatMap { self.paths(of: $0.value, at: "\(path)/\($0.key)") }
        case .array(let values): ["\(path) array"] + values.flatMap { self.paths(of: $0, at: "\(path)[]") }
        case .null: ["\(path) null"]
        case .bool: ["\(path) bool"]
        case .integer, .number: ["\(path) number"]
        case .string: ["\(path) string"]
        }
    }
}
