package import NIOCore

/// The person who answers the phone: says their turns, listens to the agent, and copes with a line that goes dead.
///
/// It lives as long as the call, over all its streams, and counts in frames of 20 ms while a stream is open. When the
/// line goes dead in the middle of an utterance, they say all of it again: as soon as the line has been back for
/// `resumeAfterMs` and the agent is not speaking. When it goes dead while the agent speaks, they wait for the agent to
/// go on, at most `patienceMs`.
package struct Business: Sendable {
    package enum Event: Sendable, Equatable {
        case began(utterance: String)
        case ended(utterance: String)
        /// The line went dead in the middle.
        case cut(utterance: String)
        case pressed(digits: String)
        case hungUp
    }

    /// A turn names an utterance that no recording exists of.
    package struct UnknownUtterance: Error, Equatable {
        package var name: String
    }

    private struct Utterance {
        var name: String
        var audio: ByteBuffer
    }

    private struct Step {
        var turn: CallScript.Turn
        var utterance: Utterance?
    }

    private static let frameMs = 20
    private static let frameBytes = 160
    /// A person gives up repeating themselves.
    private static let maximumRepeats = 3

    private let script: CallScript
    private let steps: [Step]
    private var next = 0
    private var speaking: Utterance?
    /// Cut off, to be said again.
    private var unheard: Utterance?
    private var last: Utterance?
    private var repeats = 0

    /// Times in milliseconds.
    private var sinceTurn = 0
    private var sinceStream = 0
    private var quiet = 0
    /// How much the agent said since the last turn ended.
    private var heard = 0
    private var agentWasCut = false
    private var finishedFor: Int?

    /// - Parameter utterance: the recording of a name, mu-law.
    package init(_ script: CallScript, utterance: (String) -> ByteBuffer?) throws(UnknownUtterance) {
        self.script = script
        var steps: [Step] = []
        for turn in script.turns {
            var step = Step(turn: turn)
            if let name = turn.say {
                guard let audio = utterance(name) else { throw UnknownUtterance(name: name) }
                step.utterance = Utterance(name: name, audio: audio)
            }
            steps.append(step)
        }
        self.steps = steps
    }

    /// Whether all turns were taken.
    package var isDone: Bool { self.next == self.steps.count && self.speaking == nil && self.unheard == nil }

    package mutating func streamStarted() {
        self.sinceStream = 0
        self.quiet = 0
        self.finishedFor = nil
    }

    /// - Parameter agentWasCut: audio of the agent was queued and will not be played.
    package mutating func streamEnded(agentWasCut: Bool) -> Event? {
        self.agentWasCut = self.agentWasCut || agentWasCut
        guard let speaking = self.speaking.take() else { return nil }
        self.unheard = self.last
        return .cut(utterance: speaking.name)
    }

    /// One frame of time passes.
    /// - Parameters:
    ///   - agentIsHeard: audio of the agent is played in this frame.
    ///   - events: what happens is appended.
    /// - Returns: 160 bytes of speech, or nil for silence.
    package mutating func tick(agentIsHeard: Bool, events: inout [Event]) -> ByteBuffer? {
        self.listen(agentIsHeard: agentIsHeard)
        if self.speaking == nil { self.act(events: &events) }
        guard var utterance = self.speaking else {
            self.sinceTurn += Self.frameMs
            return nil
        }
        var frame = utterance.audio.readSlice(length: min(Self.frameBytes, utterance.audio.readableBytes))
        if utterance.audio.readableBytes == 0 {
            events.append(.ended(utterance: utterance.name))
            self.speaking = nil
            self.turnEnded()
            if let missing = frame.map({ Self.frameBytes - $0.readableBytes }), missing > 0 {
                frame?.writeRepeatingByte(0xFF, count: missing)
            }
        } else {
            self.speaking = utterance
        }
        return frame
    }

    private mutating func listen(agentIsHeard: Bool) {
        self.sinceStream += Self.frameMs
        if agentIsHeard {
            self.quiet = 0
            self.agentWasCut = false
            if self.speaking == nil { self.heard += Self.frameMs }
        } else {
            self.quiet += Self.frameMs
        }
        let hasFinished =
            self.heard > 0 && self.quiet >= self.script.quietMs
            && (!self.agentWasCut || self.sinceStream >= self.script.patienceMs)
        self.finishedFor = hasFinished ? (self.finishedFor ?? -Self.frameMs) + Self.frameMs : nil
    }

    private mutating func act(events: inout [Event]) {
        if let unheard = self.unheard {
            guard self.sinceStream >= self.script.resumeAfterMs, self.quiet >= self.script.quietMs else { return }
            self.unheard = nil
            self.say(unheard, events: &events)
            return
        }
        if self.shouldRepeat, let last = self.last {
            self.repeats += 1
            self.say(last, events: &events)
            return
        }
        guard self.next < self.steps.count, self.isTime(for: self.steps[self.next].turn) else { return }
        let step = self.steps[self.next]
        self.next += 1
        self.repeats = 0
        if let utterance = step.utterance {
            self.say(utterance, events: &events)
            return
        }
        events.append(step.turn.dtmf.map { .pressed(digits: $0) } ?? .hungUp)
        self.last = nil
        self.turnEnded()
    }

    private func isTime(for turn: CallScript.Turn) -> Bool {
        switch turn.when {
        case .atOnce: self.sinceTurn >= turn.afterMs
        case .agentFinished: self.finishedFor.map { $0 >= turn.afterMs } ?? false
        // An agent that said less than that cannot be interrupted any more.
        case .agentSpeaking: self.heard > 0 && (self.heard > turn.afterMs || self.finishedFor != nil)
        }
    }

    private var shouldRepeat: Bool {
        guard let limit = self.script.repeatAfterMs, self.heard == 0, self.last != nil else { return false }
        return self.sinceTurn >= limit && self.sinceStream >= limit && self.repeats < Self.maximumRepeats
    }

    private mutating func say(_ utterance: Utterance, events: inout [Event]) {
        events.append(.began(utterance: utterance.name))
        self.speaking = utterance
        self.last = utterance
    }

    private mutating func turnEnded() {
        self.sinceTurn = 0
        self.heard = 0
        self.finishedFor = nil
        self.agentWasCut = false
    }
}
