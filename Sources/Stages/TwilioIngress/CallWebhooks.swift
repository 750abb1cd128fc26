import CallEvents
import Hummingbird
import Logging
import NIOCore
import StageRuntime
import TwilioMedia

/// Answers what Twilio asks and tells about calls.
///
/// Twilio's requests may be repeated and come in any order; each is a fact with an id of its own, or a question whose
/// answer does not depend on what was asked before.
struct CallWebhooks: Sendable {
    /// Twilio waits 15 s for an answer.
    private static let patience = Duration.seconds(12)
    /// How often a call is looked up whose stream stopped, and how long after one another: Twilio ends it meanwhile.
    private static let lookUps = 4
    private static let lookUpPause = Duration.seconds(1)

    let documents: StreamDocuments
    let audioPath: AudioPath
    /// Calls in progress of all instances; an inbound one beyond them is told that the line is busy.
    let maxCalls: Int
    let calls: TwilioCalls
    let claims: Claims
    let opener: CallOpener
    let events: EventWriter
    let registry: StreamRegistry
    let health: Health
    let logger: Logger

    /// Asked for when a call is answered or comes in, and again when its stream has ended.
    func twiml(_ webhook: SignedWebhook) async throws -> Response {
        guard let callSid = webhook.callSid, let plan = StreamPlan(query: webhook.query) else { throw Self.badWebhook }
        if let status = webhook["CallStatus"], CallProgress(status).isOver { return Self.xml(TwiML(.hangUp)) }
        if plan.request != nil {
            await self.open(plan.request, callSid)
        } else if plan.isFirst, webhook["Direction"] == "inbound" {
            guard await self.receive(callSid, from: webhook["From"]) else {
                return Self.xml(TwiML(.reject(.busy)))
            }
        }
        return Self.xml(self.document(plan, callSid: callSid))
    }

    private func document(_ plan: StreamPlan, callSid: CallSid) -> TwiML {
        switch plan.answer(nowMs: UnixTime.nowMs) {
        case .connect(let epoch, let next):
            if !plan.isFirst {
                self.logger.info(
                    "A stream is connected again",
                    metadata: [LogKey.callSid: "\(callSid)", "stream.epoch": "\(epoch)"]
                )
            }
            return self.documents.connect(callSid: callSid, epoch: epoch, next: next)
        case .giveUp:
            self.logger.error("A call is given up: its streams do not stay", metadata: [LogKey.callSid: "\(callSid)"])
            return TwiML(.say("We are sorry, there is a technical problem. Goodbye."), .hangUp)
        }
    }

    /// Somebody calls us.
    /// - Returns: false when the call cannot be taken.
    private func receive(_ callSid: CallSid, from number: String?) async -> Bool {
        guard self.health.waitingFor.isEmpty, self.claims.callsInProgress < self.maxCalls else {
            self.logger.warning("An inbound call is refused as busy", metadata: [LogKey.callSid: "\(callSid)"])
            return false
        }
        var requested = CallRequested()
        requested.requestID = callSid.rawValue
        // It may be withheld: a placeholder then stands for it.
        requested.phoneNumber = number.flatMap(PhoneNumber.init)?.e164 ?? ""
        requested.audioPath = self.audioPath
        requested.direction = "inbound"
        let event = CallEvent.OneOf_Body.requested(requested)
        do {
            try await within(Self.patience) {
                try await self.claims.began(callSid)
                try await self.events.write(event, id: "requested/\(callSid)", callSid: callSid)
            }
        } catch {
            self.logger.error(
                "An inbound call is refused because it could not be written",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
            return false
        }
        self.logger.info("Call received", metadata: [LogKey.callSid: "\(callSid)"])
        return true
    }

    /// Announces a call that was dialled under a claim, unless that is done. When it cannot be now, the next webhook of
    /// the call tries again.
    private func open(_ claimKey: String?, _ callSid: CallSid) async {
        guard let claimKey, StreamPlan.isClaimKey(claimKey) else { return }
        do {
            try await within(Self.patience) { try await self.opener.opened(claimKey: claimKey, callSid: callSid) }
        } catch {
            self.logger.error(
                "A call could not be announced",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
        }
    }

    /// How far a call is. Its end is final, and closes what this instance has of it.
    func status(_ webhook: SignedWebhook) async throws -> Response {
        guard let callSid = webhook.callSid, let status = webhook["CallStatus"], status.utf8.count < 40,
            let number = webhook["SequenceNumber"].map({ UInt32($0) }) ?? CallProgress(status).usualSequence
        else { throw Self.badWebhook }
        await self.open(webhook.query["request"], callSid)
        var changed = CallStatusChanged()
        changed.status = status
        changed.sequenceNumber = number
        changed.durationSeconds = webhook["CallDuration"].flatMap { UInt32($0) } ?? 0
        changed.sipResponseCode = webhook["SipResponseCode"].flatMap { UInt32($0) } ?? 0
        try await self.changed(changed, id: "status/\(callSid)/\(number)", callSid)
        return Response(status: .noContent)
    }

    private func changed(_ changed: CallStatusChanged, id: String, _ callSid: CallSid) async throws {
        try await self.write(.statusChanged(changed), id: id, callSid)
        guard CallProgress(changed.status).isOver else { return }
        self.registry.end(callSid)
        try await self.recorded(callSid) { try await self.claims.ended(callSid) }
    }

    /// The verdict of answering-machine detection.
    func machineDetected(_ webhook: SignedWebhook) async throws -> Response {
        guard let callSid = webhook.callSid, let answeredBy = webhook["AnsweredBy"],
            (1..<40).contains(answeredBy.utf8.count)
        else { throw Self.badWebhook }
        await self.open(webhook.query["request"], callSid)
        var detected = MachineDetected()
        detected.answeredBy = answeredBy
        detected.detectionMs = webhook["MachineDetectionDuration"].flatMap { UInt32($0) } ?? 0
        try await self.write(.machineDetected(detected), id: "machine/\(callSid)", callSid)
        return Response(status: .noContent)
    }

    /// That a stream started, stopped, or could not start.
    func streamStatus(_ webhook: SignedWebhook) async throws -> Response {
        guard let callSid = webhook.callSid, let streamSid = webhook["StreamSid"], streamSid.utf8.count < 40,
            let event = webhook["StreamEvent"], (1..<40).contains(event.utf8.count)
        else { throw Self.badWebhook }
        var changed = StreamStatusChanged()
        changed.streamSid = streamSid
        changed.event = event
        changed.error = String((webhook["StreamError"] ?? "").prefix(500))
        if !changed.error.isEmpty {
            self.logger.warning(
                "Twilio reports a stream's error",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.streamSid: "\(streamSid)"]
            )
        }
        let id = "stream-status/\(callSid)/\(streamSid)/\(event)"
        try await self.write(.streamStatusChanged(changed), id: id, callSid)
        // Of a call that we dialled we are told the end.
        if event != "stream-started", webhook.query["request"] == nil { try await self.endIfOver(callSid) }
        return Response(status: .noContent)
    }

    /// The end of an inbound call is told to the number's status callback, if that is set. So a call whose stream stopped
    /// is looked up: a session of the model for a call that is over would cost money until its maximum age.
    private func endIfOver(_ callSid: CallSid) async throws {
        for attempt in 1...Self.lookUps {
            if case .over(let progress, let seconds) = try? await self.calls.lookUp(callSid) {
                var changed = CallStatusChanged()
                changed.status = progress.status
                changed.sequenceNumber = progress.usualSequence ?? 0
                changed.durationSeconds = seconds
                return try await self.changed(changed, id: "status/\(callSid)/over", callSid)
            }
            if attempt < Self.lookUps { try await Task.sleep(for: Self.lookUpPause) }
        }
    }

    private func write(_ body: CallEvent.OneOf_Body, id: String, _ callSid: CallSid) async throws {
        try await self.recorded(callSid) { try await self.events.write(body, id: id, callSid: callSid) }
    }

    /// - Throws: `Problem` with status 503 when `work` does: Twilio may try again.
    private func recorded(_ callSid: CallSid, _ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch {
            self.logger.error(
                "What Twilio told of a call could not be written",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
            throw Problem(.serviceUnavailable, "It was not recorded.")
        }
    }

    private static func xml(_ twiml: TwiML) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: TwiML.contentType],
            body: .init(byteBuffer: ByteBuffer(string: twiml.document))
        )
    }

    private static let badWebhook = Problem(.badRequest, "A parameter is missing or makes no sense.")
}

/// - Throws: what `work` throws, or `TimedOut` when it takes longer than `limit`; it is cancelled then.
private func within(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw PatienceOver()
        }
        defer { group.cancelAll() }
        try await group.next()
    }
}

private struct PatienceOver: Error, CustomStringConvertible {
    var description: String { "it took too long" }
}
