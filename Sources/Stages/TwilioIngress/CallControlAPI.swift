import CallEvents
import FoundationEssentials
import Hummingbird
import JSON
import Logging
import NIOCore
import StageRuntime

/// What API clients do with a call that is there: end it, or hand the conversation to another agent.
struct CallControlAPI: Sendable {
    private static let maxBodyBytes = 16 << 10
    /// In the request; the coordinator has it tried again.
    private static let hangUpAttempts = 2

    let tokens: APITokens
    let calls: TwilioCalls
    let events: EventWriter
    let logger: Logger

    func addRoutes(to router: Router<BasicRequestContext>) {
        router.post("/api/voice/calls/:callSid/end") { request, context in
            try await self.end(request, context.parameters.get("callSid"))
        }
        router.post("/api/voice/calls/:callSid/handoff") { request, context in
            try await self.handOff(request, context.parameters.get("callSid"))
        }
    }

    /// Ends a call, wherever it is and as often as it is asked.
    private func end(_ request: Request, _ callSid: String?) async throws -> Response {
        var (callSid, fields) = try await self.accept(request, callSid)
        let reason = fields.optional("reason", maxLength: 500) ?? ""
        try fields.throwIfWrong()
        guard try await self.isLive(callSid) else { return Self.accepted(callSid, "ended") }
        var requested = EndRequested()
        requested.reason = reason
        try await self.write(.endRequested(requested), id: "end-requested/\(callSid)", callSid)
        do {
            try await self.calls.hangUp(callSid, attempts: Self.hangUpAttempts)
        } catch TwilioCalls.Failure.refused(_, let code, let message) {
            let text = code.map { " with code \($0)" } ?? ""
            throw Problem(.badGateway, "Twilio refused to end the call\(text): \(message)")
        } catch let failure as TwilioCalls.Failure {
            self.logger.warning(
                "A call is not ended yet",
                metadata: [LogKey.callSid: "\(callSid)", "failure": "\(failure.name)"]
            )
        }
        self.logger.info("Call ended on request", metadata: [LogKey.callSid: "\(callSid)"])
        return Self.accepted(callSid, "ending")
    }

    /// Asks the coordinator for another agent; a refusal becomes an event.
    private func handOff(_ request: Request, _ callSid: String?) async throws -> Response {
        var (callSid, fields) = try await self.accept(request, callSid)
        var requested = HandoffRequested()
        requested.toAgent = fields.required("agent", maxLength: 64) ?? ""
        requested.reason = fields.required("reason", maxLength: 500) ?? ""
        requested.context = fields.optional("context", maxLength: 2_000) ?? ""
        try fields.throwIfWrong()
        guard try await self.isLive(callSid) else { throw Problem(.conflict, "The call is over.") }
        let id = UUID().uuidString.lowercased()
        try await self.write(.handoffRequested(requested), id: "handoff-requested/\(callSid)/\(id)", callSid)
        return Self.accepted(callSid, "requested")
    }

    private func accept(_ request: Request, _ text: String?) async throws -> (CallSid, JSONFields) {
        _ = try self.tokens.admit(request)
        guard let callSid = text.flatMap(CallSid.init) else {
            throw Problem(.badRequest, "The path names no call: a callSid is CA and 32 hexadecimal digits.")
        }
        let body = try await request.limitedBody(upTo: Self.maxBodyBytes)
        return (callSid, body.readableBytes == 0 ? JSONFields(.object([:])) : try JSONFields(body: body))
    }

    /// Where Twilio does not answer, the call is taken for live: what is asked of it is harmless otherwise.
    /// - Throws: `Problem` with status 404 when there is no such call.
    private func isLive(_ callSid: CallSid) async throws -> Bool {
        do {
            switch try await self.calls.lookUp(callSid) {
            case .live: return true
            case .over: return false
            case .nothing: throw Problem(.notFound, "Twilio knows no call \(callSid) of this account.")
            }
        } catch let failure as TwilioCalls.Failure {
            self.logger.warning(
                "A call could not be looked up",
                metadata: [LogKey.callSid: "\(callSid)", "failure": "\(failure.name)"]
            )
            return true
        }
    }

    private func write(_ body: CallEvent.OneOf_Body, id: String, _ callSid: CallSid) async throws {
        do {
            try await self.events.write(body, id: id, callSid: callSid)
        } catch {
            self.logger.error(
                "A request about a call could not be written",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
            throw Problem(.serviceUnavailable, "The request could not be recorded; nothing was done.")
        }
    }

    private static func accepted(_ callSid: CallSid, _ status: String) -> Response {
        let answer: JSONValue = ["callSid": .string(callSid.rawValue), "status": .string(status)]
        return Response(
            status: .accepted,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: answer.text))
        )
    }
}
