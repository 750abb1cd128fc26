import JSON
import NIOCore
import Speech

/// One session of the Realtime API as a value: client events and time go in, server events come out.
///
/// It knows no sockets and no clock. The owner calls `received` for each message and `advance` at `deadline`, and does
/// afterwards, in order, what `takeOutputs` says.
struct SessionMachine: Sendable {
    enum Output: Sendable {
        /// A text message.
        case event(ByteBuffer)
        /// Recognise this and call `heard`; meanwhile the session goes on.
        case hear(item: String, [Int16])
        case ping
        case close(code: UInt16, reason: String)
        case abort
        /// Keep the connection, and neither send nor take anything more.
        case mute
    }

    /// What is to happen at some time besides the steps of responses.
    enum Timer: Sendable {
        case transcript(item: String)
        case rateLimits
        case idle
        case ping
        case expiry
        case fault(Int)
    }

    typealias Instant = ContinuousClock.Instant

    let progress: ScriptProgress
    var configuration: SessionConfiguration
    var conversation = Conversation()
    var input: InputAudio
    var responses: [ActiveResponse] = []
    var facts: SessionSnapshot

    /// The item that will hold the speech in progress.
    var speechItem: String?
    var speechStart = 0
    var hasSpoken = false
    var isEnded = false
    /// When the newest input came.
    var now: Instant
    /// Tokens of the newest context, which the next one may find in the cache.
    var lastContext: (text: Int, audio: Int) = (0, 0)
    var tokensLeft: Int
    /// What the session speaks, whatever it is asked for.
    var forcedFormat: AudioFormat?
    var ruleRuns: [Int: Int] = [:]
    /// Faults that happened in this session.
    var faultsDone: Set<Int> = []

    private(set) var timers: [(at: Instant, timer: Timer)] = []
    private var outputs: [Output] = []
    private var stalledUntil: Instant?
    private var identifiers: Identifiers
    var random: Xorshift

    var script: Script { self.progress.script }
    var conversationID: String { "conv_" + self.identifiers.tag }

    /// - Parameters:
    ///   - number: of the session, from 1.
    ///   - epochSeconds: of `now`.
    init(
        number: Int,
        model: String,
        safetyIdentifier: String?,
        progress: ScriptProgress,
        now: Instant,
        epochSeconds: Int
    ) {
        self.identifiers = Identifiers()
        self.random = Xorshift(seed: UInt64(number))
        self.progress = progress
        self.tokensLeft = progress.script.tokensLeft
        self.now = now
        self.configuration = SessionConfiguration(
            id: "sess_" + self.identifiers.tag,
            model: model,
            expiresAt: epochSeconds + Int(progress.script.sessionSeconds)
        )
        self.input = InputAudio(
            format: self.configuration.inputFormat,
            detection: self.configuration.turnDetection
        )
        self.facts = SessionSnapshot(
            number: number,
            id: self.configuration.id,
            model: model,
            safetyIdentifier: safetyIdentifier
        )
    }

    /// The socket is open.
    mutating func open(now: Instant) {
        self.emit("session.created", ["session": self.configuration.wire])
        self.schedule(.ping, at: now + .seconds(self.script.pingSeconds))
        self.schedule(.expiry, at: now + .seconds(self.script.sessionSeconds))
        for (index, fault) in self.script.faults.enumerated() {
            if case .open(let milliseconds) = fault.moment {
                self.schedule(.fault(index), at: now + .milliseconds(milliseconds))
            }
        }
    }

    /// When `advance` has something to do.
    var deadline: Instant? {
        if self.isEnded { return nil }
        if let stalledUntil = self.stalledUntil { return stalledUntil }
        // Asked for at each frame, so without lists.
        var first = self.timers.first?.at
        for response in self.responses {
            guard let deadline = response.deadline else { continue }
            first = min(first ?? deadline, deadline)
        }
        return first
    }

    /// Does all that is due at `now`.
    mutating func advance(now: Instant) {
        self.now = now
        if let stalledUntil = self.stalledUntil {
            guard stalledUntil <= now else { return }
            self.stalledUntil = nil
        }
        while !self.isEnded, self.stalledUntil == nil {
            let timer = self.timers.first.flatMap { $0.at <= now ? $0.at : nil }
            let response = self.responses.indices.min {
                self.responses[$0].deadline ?? .distant < self.responses[$1].deadline ?? .distant
            }
            if let response, let due = self.responses[response].deadline, due <= now, due <= timer ?? .distant {
                self.takeStep(of: response, now: now)
            } else if timer != nil {
                self.fire(self.timers.removeFirst().timer, now: now)
            } else {
                break
            }
        }
    }

    /// `takeOutputs` has something to do.
    var hasOutputs: Bool { !self.outputs.isEmpty && self.stalledUntil == nil }

    /// What is to be done, in this order.
    mutating func takeOutputs() -> [Output] {
        guard self.stalledUntil == nil else { return [] }
        defer { self.outputs = [] }
        return self.outputs
    }

    // What the rules of the protocol are written with.

    mutating func schedule(_ timer: Timer, at: Instant) {
        let place = self.timers.firstIndex { $0.at > at } ?? self.timers.count
        self.timers.insert((at, timer), at: place)
    }

    mutating func cancelIdleTimer() {
        self.timers.removeAll { if case .idle = $0.timer { true } else { false } }
    }

    mutating func nextID(_ prefix: String) -> String {
        self.identifiers.next(prefix)
    }

    mutating func output(_ output: Output) {
        guard !self.isEnded else { return }
        self.outputs.append(output)
    }

    mutating func emit(_ type: String, _ members: Wire = [:]) {
        guard case .object(let members) = members else { return }
        var buffer = ByteBuffer()
        Wire.object([("type", .string(type)), ("event_id", .string(self.nextID("event_")))] + members).write(
            to: &buffer
        )
        self.emit(buffer)
    }

    mutating func emit(_ event: ByteBuffer) {
        self.output(.event(event))
        self.facts.eventsSent += 1
        let sent = self.facts.eventsSent
        self.checkFaults { if case .sent(let events) = $0 { sent >= events } else { false } }
    }

    mutating func stall(until: Instant) {
        self.stalledUntil = until
    }

    /// - Parameter clientEventID: of the event that is refused.
    mutating func emit(_ refusal: Refusal, clientEventID: String? = nil) {
        self.facts.errors.append(
            .init(code: refusal.code, param: refusal.param, eventID: clientEventID, message: refusal.message)
        )
        self.emit(
            "error",
            [
                "error": [
                    "type": .string(refusal.type),
                    "code": .string(refusal.code),
                    "message": .string(refusal.message),
                    "param": Wire(refusal.param),
                    "event_id": Wire(clientEventID),
                ]
            ]
        )
    }
}

extension ContinuousClock.Instant {
    /// Later than anything that happens here.
    fileprivate static let distant = ContinuousClock.now + .seconds(1_000_000_000)
}

/// Ids that are unique over all sessions, as those of the service are.
private struct Identifiers: Sendable {
    /// Random, for the session.
    let tag: String
    private var count = 0

    init() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        self.tag = String((0..<10).compactMap { _ in alphabet.randomElement() })
    }

    mutating func next(_ prefix: String) -> String {
        self.count += 1
        return "\(prefix)\(self.tag)\(self.count)"
    }
}
