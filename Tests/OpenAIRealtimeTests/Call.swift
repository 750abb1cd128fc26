import CallEvents
import JSON
import NIOCore
import OpenAIRealtime

/// A conversation under test: tells it things, with a clock that only the test moves, and remembers what it asked for.
struct Call {
    static let sid = "CA0123456789abcdef0123456789abcdef"

    var conversation: Conversation
    var atUs: Int64 = 1_000_000
    var actions: [ConversationAction] = []
    private var sequence: UInt64 = 0
    private let driver = OpenAIDriver()

    static func owner(epoch: Int64 = 7) -> Conversation.Owner {
        Conversation.Owner(callSid: Self.sid, source: "realtime-session/test", sessionEpoch: epoch)
    }

    static func start(_ path: AudioPath = .passthrough) -> StartSession {
        var start = StartSession()
        start.audioPath = path
        start.agent.agent = "main_concierge"
        start.agent.instructions = "Be brief."
        return start
    }

    init(_ path: AudioPath = .passthrough) { self.init(Self.start(path)) }

    init(_ start: StartSession) { self.conversation = Conversation(owner: Self.owner(), start: start) }

    init(restoring state: CallState, epoch: Int64 = 99, atUs: Int64 = 10_000_000) {
        self.atUs = atUs
        self.conversation = Conversation(owner: Self.owner(epoch: epoch), restoring: state, atUs: atUs)
    }

    /// Started, connected and configured.
    static func ready(_ path: AudioPath = .passthrough) -> Call {
        var call = Call(path)
        call.start()
        call.connect()
        call.forget()
        return call
    }

    mutating func start() { self.actions += self.conversation.started(atUs: self.atUs) }

    mutating func connect() {
        self.model(.opened(ModelSession(id: "sess_1", model: "m")))
        self.model(.configured(ModelSession(id: "sess_1", model: "m", expiresAt: 42)))
    }

    mutating func forget() { self.actions = [] }

    mutating func model(_ event: ModelEvent) {
        self.atUs += 1000
        self.actions += self.conversation.received(event, atUs: self.atUs)
    }

    /// What the session says that is to take the place of the present one.
    mutating func standby(_ event: ModelEvent) {
        self.atUs += 1000
        self.actions += self.conversation.receivedStandby(event, atUs: self.atUs)
    }

    mutating func message(_ json: JSONValue) throws {
        self.model(try self.driver.event(ByteBuffer(string: json.text)))
    }

    mutating func command(_ body: CallCommand.OneOf_Body) {
        var command = CallCommand()
        command.callSid = Self.sid
        command.body = body
        self.actions += self.conversation.received(command, atUs: self.atUs)
    }

    mutating func frame(_ frame: AudioFrame) {
        self.atUs = max(self.atUs, frame.receivedAtUs)
        self.actions += self.conversation.received(frame, atUs: self.atUs)
    }

    /// The next 20 ms of the person, each with a payload of its own.
    mutating func hear(
        _ count: Int = 1,
        playout: AudioFrame.Playout? = nil,
        stream: UInt32 = 1,
        codec: AudioFrame.Codec = .pcmu
    ) {
        for _ in 0..<count {
            self.atUs += 20_000
            self.frame(Self.frame(self.sequence, stream: stream, atUs: self.atUs, playout: playout, codec: codec))
            self.sequence += 1
        }
    }

    mutating func restartSequence() { self.sequence = 0 }

    static func frame(
        _ sequence: UInt64,
        stream: UInt32 = 1,
        atUs: Int64 = 0,
        playout: AudioFrame.Playout? = nil,
        codec: AudioFrame.Codec = .pcmu
    ) -> AudioFrame {
        AudioFrame(
            codec: codec,
            payload: ByteBuffer(repeating: UInt8(truncatingIfNeeded: sequence), count: codec.frameBytes),
            streamEpoch: stream,
            sequence: sequence,
            outboundPartition: 3,
            receivedAtUs: atUs,
            playout: playout
        )
    }

    /// The person speaks for a while and the model notices both ends.
    mutating func turn(_ itemID: String, frames: Int = 10, after previous: String? = nil) {
        self.model(.speechStarted(itemID: itemID, audioStartMs: 0))
        self.hear(frames)
        self.model(.speechStopped(itemID: itemID))
        self.model(.turnCommitted(itemID: itemID, previousItemID: previous))
    }

    /// The model begins a reply and gives `ms` of audio.
    mutating func reply(_ itemID: String, in response: String, ms: Int, text: String = "Good day", codec: Int = 8) {
        self.model(.responseStarted(responseID: response))
        self.model(.agentTranscriptDelta(responseID: response, itemID: itemID, text))
        self.speak(itemID, in: response, ms: ms, bytesPerMs: codec)
    }

    mutating func speak(_ itemID: String, in response: String, ms: Int, bytesPerMs: Int = 8) {
        let audio = ByteBuffer(repeating: 0x55, count: ms * bytesPerMs)
        self.model(.audio(responseID: response, itemID: itemID, contentIndex: 0, audio))
    }

    mutating func finish(
        _ itemID: String,
        in response: String,
        text: String = "Good day",
        status: ModelResponse.Status = .completed,
        calls: [ModelResponse.ToolCall] = []
    ) {
        self.model(.audioEnded(responseID: response, itemID: itemID))
        self.model(.agentTranscript(responseID: response, itemID: itemID, text))
        let spoken = [ModelResponse.SpokenItem(itemID: itemID, text: text)]
        self.model(.responseEnded(ModelResponse(id: response, status: status, spoken: spoken, toolCalls: calls)))
    }

    // MARK: What it asked for

    var commands: [ModelCommand] {
        self.actions.compactMap { if case .send(let command) = $0 { command } else { nil } }
    }
    var played: [AudioFrame] {
        self.actions.compactMap { if case .play(let frame) = $0 { frame } else { nil } }
    }
    var clears: [AudioFrame] {
        self.actions.compactMap { if case .clear(let frame) = $0 { frame } else { nil } }
    }
    var events: [CallEvent] {
        self.actions.compactMap { if case .publish(let event) = $0 { event } else { nil } }
    }
    var appended: [UInt8] {
        self.actions.compactMap { action in
            if case .append(let audio, _) = action { audio.getInteger(at: audio.readerIndex) } else { nil }
        }
    }
    var drops: [FrameDrop] {
        self.actions.compactMap { if case .drop(let drop) = $0 { drop } else { nil } }
    }
    var utterances: [Utterance] {
        self.events.compactMap { if case .utterance(let utterance)? = $0.body { utterance } else { nil } }
    }
    var responsesDone: [ResponseDone] {
        self.events.compactMap { if case .responseDone(let done)? = $0.body { done } else { nil } }
    }
    var responseRequests: Int { self.commands.count { $0 == .respond(instructions: nil) } }
}

func position(_ stream: UInt32, _ sequence: UInt64) -> AudioPosition {
    var position = AudioPosition()
    position.streamEpoch = stream
    position.sequence = sequence
    return position
}

func playout(_ itemID: String, _ ms: UInt32) -> AudioFrame.Playout {
    AudioFrame.Playout(itemID: itemID, playedMs: ms)
}
