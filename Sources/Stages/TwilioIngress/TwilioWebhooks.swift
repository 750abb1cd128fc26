import CallEvents
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import StageRuntime
import TwilioMedia
import WebSockets

/// What Twilio calls: TwiML, status callbacks, and the upgrade of Media Streams. All of it is signed.
struct TwilioWebhooks: Sendable {
    private static let maxBodyBytes = 64 << 10
    /// From the TwiML to the stream's `start`, which takes Twilio well under a second.
    private static let tokenSeconds: Int64 = 60
    private static let signatureHeader = HTTPField.Name("X-Twilio-Signature")!

    let publicURL: PublicURL
    let signature: TwilioSignature
    let tokens: StreamToken.Authority
    let events: EventWriter
    let health: Health
    let streams: MediaStreamServer
    let drain: StreamDrain
    let logger: Logger

    func addRoutes(to router: Router<BasicRequestContext>) {
        router.get(RouterPath(PublicURL.Path.twiml)) { request, _ in try await self.twiml(request) }
        router.post(RouterPath(PublicURL.Path.twiml)) { request, _ in try await self.twiml(request) }
        router.post(RouterPath(PublicURL.Path.status)) { request, _ in try await self.status(request) }
        router.get(RouterPath(PublicURL.Path.stream)) { _, _ in self.describeStream() }
    }

    /// Decides on a request for a WebSocket.
    func upgrade(_ head: HTTPRequest) -> HTTPServer.Upgrade {
        let path = head.path ?? ""
        guard path.prefix(while: { $0 != "?" }) == PublicURL.Path.stream else { return .notHere }
        guard path == PublicURL.Path.stream else {
            return .refuse(Problem(.badRequest, "A stream's URL has no query."))
        }
        let given = head.headerFields[Self.signatureHeader] ?? ""
        guard self.publicURL.signedStreamURLs.contains(where: { self.signature.isValid(given, url: $0) }) else {
            self.logger.warning("A stream's upgrade without a valid signature was refused")
            return .refuse(Self.forbidden)
        }
        guard !self.health.waitingFor.contains(OutboundFrames.readinessCheck) else {
            return .refuse(Problem(.serviceUnavailable, "No audio can be sent yet."))
        }
        return .accept { socket in await self.drain.whileOpen { await self.streams.serve(socket) } }
    }

    /// Asked for when the call is answered, and again when its stream has ended.
    private func twiml(_ request: Request) async throws -> Response {
        let (form, query) = try await self.signedFields(request)
        guard let callSid = (form["CallSid"] ?? query["CallSid"]).flatMap(CallSid.init),
            let plan = StreamPlan(query: query)
        else { throw Self.badWebhook }
        let status = form["CallStatus"] ?? query["CallStatus"]
        return Self.xml(
            self.document(plan, callSid: callSid, isOver: status.map(Self.terminalStatuses.contains) ?? false)
        )
    }

    private func document(_ plan: StreamPlan, callSid: CallSid, isOver: Bool) -> TwiML {
        if isOver { return TwiML(.hangUp) }
        let nowMs = UnixTime.nowMs
        switch plan.answer(nowMs: nowMs) {
        case .connect(let epoch, let next):
            if epoch > 1 {
                self.logger.info(
                    "A stream is connected again",
                    metadata: [LogKey.callSid: "\(callSid)", "stream.epoch": "\(epoch)"]
                )
            }
            let token = StreamToken(callSid: callSid, streamEpoch: epoch, expiresAt: nowMs / 1_000 + Self.tokenSeconds)
            let again = self.publicURL.webhook(PublicURL.Path.twiml) + "?" + next.query
            return TwiML(
                .connectStream(
                    url: self.publicURL.stream,
                    parameters: [FormField(MediaStreamServer.tokenParameter, self.tokens.sign(token))],
                    action: again
                ),
                .redirect(url: again)
            )
        case .giveUp:
            self.logger.error("A call is given up: its streams do not stay", metadata: [LogKey.callSid: "\(callSid)"])
            return TwiML(.say("We are sorry, there is a technical problem. Goodbye."), .hangUp)
        }
    }

    private func status(_ request: Request) async throws -> Response {
        let (form, _) = try await self.signedFields(request)
        guard let callSid = form["CallSid"].flatMap(CallSid.init), let status = form["CallStatus"],
            status.utf8.count < 40,
            let number = form["SequenceNumber"].map({ UInt32($0) }) ?? Self.usualSequence(of: status)
        else { throw Self.badWebhook }
        var changed = CallStatusChanged()
        changed.status = status
        changed.sequenceNumber = number
        changed.durationSeconds = form["CallDuration"].flatMap { UInt32($0) } ?? 0
        changed.sipResponseCode = form["SipResponseCode"].flatMap { UInt32($0) } ?? 0
        do {
            try await self.events.write(.statusChanged(changed), id: "status/\(callSid)/\(number)", callSid: callSid)
        } catch {
            self.logger.error(
                "A call's status could not be written",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
            throw Problem(.serviceUnavailable, "The status was not recorded.")
        }
        return Response(status: .noContent)
    }

    private func describeStream() -> Response {
        let description: JSONValue = [
            "endpoint": "Twilio Media Streams WebSocket",
            "url": .string(self.publicURL.stream),
            "protocol": "Twilio Media Streams 1.0.0: JSON text messages, mu-law 8 kHz mono in base64",
            "authentication": "X-Twilio-Signature on the upgrade, and the token of the TwiML in start.customParameters",
        ]
        return Response(
            status: .upgradeRequired,
            headers: [.contentType: "application/json", .upgrade: "websocket", .connection: "Upgrade"],
            body: .init(byteBuffer: ByteBuffer(string: description.text))
        )
    }

    /// - Returns: the fields of the body and of the query.
    /// - Throws: `Problem` with status 403 when the signature is missing or wrong.
    private func signedFields(_ request: Request) async throws -> (form: FormFields, query: FormFields) {
        let body = try await request.limitedBody(upTo: Self.maxBodyBytes)
        let form = FormFields(parsing: body.readableBytesView)
        let path = request.head.path ?? ""
        let isValid = self.signature.isValid(
            request.headers[Self.signatureHeader] ?? "",
            url: self.publicURL.webhook(path),
            content: request.method == .post ? .form(form) : .none
        )
        guard isValid else {
            self.logger.warning("A webhook without a valid signature was refused")
            throw Self.forbidden
        }
        let query = path.firstIndex(of: "?").map { FormFields(parsing: String(path[path.index(after: $0)...])) }
        return (form, query ?? FormFields())
    }

    private static let terminalStatuses: Set<String> = ["completed", "busy", "failed", "no-answer", "canceled"]

    /// For a callback without `SequenceNumber`: where the status stands in a call of its usual course.
    private static func usualSequence(of status: String) -> UInt32? {
        switch status {
        case "queued", "initiated": 0
        case "ringing": 1
        case "in-progress": 2
        default: self.terminalStatuses.contains(status) ? 3 : nil
        }
    }

    private static func xml(_ twiml: TwiML) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: TwiML.contentType],
            body: .init(byteBuffer: ByteBuffer(string: twiml.document))
        )
    }

    private static let forbidden = Problem(.forbidden, "X-Twilio-Signature is missing or wrong.")

    private static let badWebhook = Problem(.badRequest, "A parameter is missing or makes no sense.")
}

extension HTTPServer.Upgrade {
    fileprivate static func refuse(_ problem: Problem) -> Self {
        .refuse(status: problem.status, contentType: Problem.contentType, body: problem.json)
    }
}
