import Audio
import NIOCore
import Synchronization
import TwilioMedia

/// One Media Streams connection, as the clock, the socket's reader and its writer share it.
///
/// Each tick plays one frame of the agent, lets the business act on what it hears, and sends one frame of the business.
/// What goes to the server is put into `outbox`.
final class MediaStream: Sendable {
    /// What outlives a stream: the person and the faults still to come.
    struct Caller: Sendable {
        var business: Business
        var faults: StreamFaults
    }

    /// What the call has to do after a tick.
    enum Effect: Sendable {
        case dropSocket
        case stopReading
        case hangUp
    }

    private struct State {
        var messages: StreamMessages
        var caller: Caller
        var playout = PlayoutBuffer()
        /// Milliseconds after the answer.
        var now: Int
        var timestamp = MediaStream.firstTimestamp
        var agentBytes: Int?
        var isOpen = true
        var wasStopped = false
        /// Nothing is sent any more.
        var isMuted = false
        var problems: Set<Int> = []
    }

    static let frameMs = 20
    static let frameBytes = 160
    /// The first frame is not at zero: the service takes a moment to begin.
    static let firstTimestamp = 62
    /// A server that is this many messages behind gets no more audio (31930): two seconds.
    static let maximumBacklog = 100

    let sid: String
    let outbox = Mailbox<ByteBuffer>()
    let effects = Mailbox<Effect>()
    private let log: CallLog
    private let recording: CallRecording?
    private let state: Mutex<State>

    /// - Parameter startMs: now, in milliseconds after the answer.
    init(
        messages: StreamMessages,
        caller: Caller,
        startMs: Int,
        customParameters: [String: String],
        log: CallLog,
        recording: CallRecording?
    ) {
        self.sid = messages.streamSid
        self.log = log
        self.recording = recording
        var state = State(messages: messages, caller: caller, now: startMs)
        state.caller.business.streamStarted()
        self.outbox.send(state.messages.connected())
        self.outbox.send(state.messages.start(customParameters: customParameters))
        self.state = Mutex(state)
        recording?.advance(toMs: startMs)
    }

    /// 20 ms have passed.
    func tick() {
        self.state.withLock { state in
            guard state.isOpen else { return }
            state.now += Self.frameMs
            for mark in state.playout.advance() { self.give(back: mark.name, cleared: false, &state) }
            let agent = self.playAgent(&state)

            var events: [Business.Event] = []
            let speech = state.caller.business.tick(agentIsHeard: agent.isSpeech, events: &events)
            self.recording?.add(
                business: speech?.readableBytesView ?? ByteBufferView(),
                agent: agent.frame.readableBytesView
            )
            self.send(speech, &state)
            for event in events { self.handle(event, &state) }
            while let fault = state.caller.faults.take(atMs: state.now) { self.commit(fault, &state) }
        }
    }

    /// Takes the frame that is heard now, and tells whether it is the agent who speaks.
    private func playAgent(_ state: inout State) -> (frame: ByteBuffer, isSpeech: Bool) {
        var frame = ByteBuffer()
        if state.playout.queued > 0 { state.playout.take(Self.frameBytes, into: &frame) }
        let isTone = ComfortTone.contains(frame)
        guard frame.readableBytes > 0, !isTone else {
            if let bytes = state.agentBytes.take() { self.log.add(.agentEnded(durationMs: bytes / 8)) }
            if isTone, frame == ComfortTone.frames.first { self.log.add(.toneHeard) }
            return (frame, false)
        }
        if state.agentBytes == nil { self.log.add(.agentBegan) }
        state.agentBytes = (state.agentBytes ?? 0) + frame.readableBytes
        return (frame, true)
    }

    private func send(_ speech: ByteBuffer?, _ state: inout State) {
        let timestamp = state.timestamp
        state.timestamp += Self.frameMs
        guard !state.isMuted, !state.caller.faults.isGap(atMs: state.now) else { return }
        guard self.outbox.count < Self.maximumBacklog else {
            self.warn(31930, "server reads too slowly, audio dropped", &state)
            return
        }
        self.outbox.send(state.messages.media(speech, timestamp: timestamp))
    }

    private func handle(_ event: Business.Event, _ state: inout State) {
        self.log.add(.business(event))
        switch event {
        case .pressed(let digits):
            for digit in digits where !state.isMuted { self.outbox.send(state.messages.dtmf(digit)) }
        case .hungUp:
            self.effects.send(.hangUp)
        case .began, .ended, .cut:
            break
        }
    }

    private func commit(_ fault: StreamFaults.Fault, _ state: inout State) {
        guard !state.isMuted || fault == .drop else { return }
        switch fault {
        case .drop:
            self.log.add(.fault("socket dropped"))
            self.effects.send(.dropSocket)
        case .mute:
            self.log.add(.fault("socket muted"))
            state.isMuted = true
            self.effects.send(.stopReading)
        case .garbage:
            self.log.add(.fault("garbage sent"))
            self.outbox.send(ByteBuffer(string: "{\"event\":\"media\",\"media\":{\"payload\":"))
            self.outbox.send(ByteBuffer(string: "{\"event\":\"surprise\",\"sequenceNumber\":{}}"))
        }
    }

    /// The connection breaks now.
    func drop() { self.state.withLock { self.commit(.drop, &$0) } }

    /// A text message of the server.
    func received(_ text: ByteBuffer) {
        do {
            let command = try MediaStreamCommand(parsing: text, streamSid: self.sid)
            self.state.withLock { state in
                if state.isOpen { self.carryOut(command, &state) }
            }
        } catch {
            let reason = "\(error.code.rawValue) \(error.field ?? "")"
            self.state.withLock { self.warn(error.twilioCode, reason, &$0) }
        }
    }

    func receivedBinary() {
        self.state.withLock { self.warn(31950, "binary frame", &$0) }
    }

    private func carryOut(_ command: MediaStreamCommand, _ state: inout State) {
        switch command {
        case .media(let audio):
            if !state.playout.append(audio) { self.warn(31931, "more than 10 minutes queued, dropped", &state) }
        case .mark(let name):
            self.log.add(.markQueued(name))
            if state.playout.append(mark: name) { self.give(back: name, cleared: false, &state) }
        case .clear:
            let (dropped, marks) = state.playout.clear()
            self.log.add(.cleared(droppedMs: dropped / 8))
            for mark in marks { self.give(back: mark.name, cleared: true, &state) }
        }
    }

    private func give(back mark: String, cleared: Bool, _ state: inout State) {
        self.log.add(.markReturned(mark, cleared: cleared))
        if !state.isMuted { self.outbox.send(state.messages.mark(mark)) }
    }

    /// Twilio logs each kind once for a stream.
    private func warn(_ code: Int, _ message: String, _ state: inout State) {
        guard state.problems.insert(code).inserted else { return }
        self.log.add(.problem(code: code, message))
    }

    /// Ends the stream once; nothing is sent after.
    /// - Parameter sayingStop: whether the server is told.
    func end(sayingStop: Bool) {
        self.state.withLock { state in
            guard state.isOpen else { return }
            state.isOpen = false
            if let bytes = state.agentBytes.take() { self.log.add(.agentEnded(durationMs: bytes / 8)) }
            if let event = state.caller.business.streamEnded(agentWasCut: state.playout.queued > 0) {
                self.log.add(.business(event))
            }
            state.wasStopped = sayingStop
            if sayingStop, !state.isMuted { self.outbox.send(state.messages.stop()) }
            self.outbox.finish()
            self.effects.finish()
        }
    }

    /// Whether it ended with `stop`.
    var wasStopped: Bool { self.state.withLock { $0.wasStopped } }

    /// Whether nothing is sent any more, not even a close.
    var isMuted: Bool { self.state.withLock { $0.isMuted } }

    /// For the next stream of the call; after `end`.
    var caller: Caller { self.state.withLock { $0.caller } }
}
