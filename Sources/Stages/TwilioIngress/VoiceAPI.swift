import CallEvents
import FoundationEssentials
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import StageRuntime

/// What API clients call: `POST /api/voice/initiate-call`.
struct VoiceAPI: Sendable {
    let tokens: APITokens
    let audioPath: AudioPath
    let calls: TwilioCalls
    let events: EventWriter
    let logger: Logger

    func addRoutes(to router: Router<BasicRequestContext>) {
        router.post("/api/voice/initiate-call") { request, _ in try await self.initiateCall(request) }
    }

    private func initiateCall(_ request: Request) async throws -> Response {
        guard self.tokens.accepts(authorization: request.headers[.authorization]) else {
            throw Problem(.unauthorized, "Send an API token: Authorization: Bearer <token>.")
        }
        let body = try await request.limitedBody(upTo: InitiateCallRequest.maxBodyBytes)
        let call = try InitiateCallRequest(body: body)
        let requestID = call.requestID ?? UUID().uuidString.lowercased()
        let callSid: CallSid
        do {
            callSid = try await self.calls.create(to: call.phoneNumber)
        } catch let failure as TwilioCalls.Failure {
            self.logger.warning("A call was not created", metadata: ["failure": "\(failure.name)"])
            throw Problem(failure, requestID: requestID)
        }
        try await self.publish(call, requestID: requestID, callSid: callSid)
        self.logger.info("Call requested", metadata: [LogKey.callSid: "\(callSid)"])
        let answer: JSONValue = [
            "callSid": .string(callSid.rawValue), "requestId": .string(requestID), "status": "queued",
        ]
        return Response(
            status: .created,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: answer.text))
        )
    }

    /// The event is what the other stages begin with: a call without it has no agent, so it is ended again.
    private func publish(_ call: InitiateCallRequest, requestID: String, callSid: CallSid) async throws {
        var requested = CallRequested()
        requested.requestID = requestID
        requested.phoneNumber = call.phoneNumber.e164
        requested.businessName = call.businessName
        requested.userRequest = call.userRequest
        requested.category = call.category
        requested.userID = call.userID
        requested.userData = call.userData
        requested.audioPath = self.audioPath
        requested.direction = "outbound-api"
        do {
            try await self.events.write(.requested(requested), id: "requested/\(callSid)", callSid: callSid)
        } catch {
            self.logger.error(
                "A call is ended because its request could not be written",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
            // The client is told the same whether or not Twilio could be.
            try? await self.calls.hangUp(callSid)
            throw Problem(
                .serviceUnavailable,
                "The call was created and ended again because the request could not be recorded.",
                members: ["callSid": callSid.rawValue, "requestId": requestID]
            )
        }
    }
}

extension Problem {
    /// What an API client is told when Twilio made no call, or may have made one.
    fileprivate init(_ failure: TwilioCalls.Failure, requestID: String) {
        let unknown = "It is not known whether the call was made: look before trying again."
        switch failure {
        case .refused(let status, let code, let message):
            let problem: HTTPResponse.Status =
                switch status {
                // About our account.
                case 401, 403, 404: .badGateway
                // About the moment.
                case 429: .serviceUnavailable
                // About the request.
                default: .unprocessableContent
                }
            let text = code.map { " with code \($0)" } ?? ""
            self.init(problem, "Twilio refused the call\(text): \(message)")
            self.members["twilioCode"] = code.map(String.init)
            self.members["twilioMessage"] = message
        case .unreachable:
            self.init(.serviceUnavailable, "Twilio could not be reached; no call was made.")
        case .unclear(let status):
            self.init(.badGateway, "Twilio answered with status \(status). \(unknown)")
        case .timedOut:
            self.init(.gatewayTimeout, "Twilio did not answer in time. \(unknown)")
        }
        self.members["requestId"] = requestID
    }
}

extension TwilioCalls.Failure {
    /// Without Twilio's message, which may name the number.
    var name: String {
        switch self {
        case .refused(let status, let code, _): "refused with status \(status), code \(code.map(String.init) ?? "none")"
        case .unreachable: "unreachable"
        case .unclear(let status): "status \(status)"
        case .timedOut: "no answer"
        }
    }
}

extension Request {
    /// - Throws: `Problem` with status 413 when the body is longer, 400 when it breaks off or is no HTTP.
    func limitedBody(upTo maxBytes: Int) async throws -> ByteBuffer {
        do {
            return try await self.body.collect(upTo: maxBytes)
        } catch is NIOTooManyBytesError {
            throw Problem(.contentTooLarge, "The body must have at most \(maxBytes) bytes.")
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Problem(.badRequest, "The body could not be read.")
        }
    }
}
