import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import StageRuntime
import TwilioMedia
import WebSockets

/// The door for what Twilio calls: routes, signatures, and the upgrade of Media Streams. What passes is for
/// `CallWebhooks`.
struct TwilioWebhooks: Sendable {
    let publicURL: PublicURL
    let signature: TwilioSignature
    let calls: CallWebhooks
    let health: Health
    let streams: MediaStreamServer
    let drain: StreamDrain
    let logger: Logger

    func addRoutes(to router: Router<BasicRequestContext>) {
        let routes: [(String, @Sendable (SignedWebhook) async throws -> Response)] = [
            (PublicURL.Path.twiml, { try await self.calls.twiml($0) }),
            (PublicURL.Path.status, { try await self.calls.status($0) }),
            (PublicURL.Path.machineDetection, { try await self.calls.machineDetected($0) }),
            (PublicURL.Path.streamStatus, { try await self.calls.streamStatus($0) }),
        ]
        for (path, handle) in routes {
            router.post(RouterPath(path)) { request, _ in try await handle(self.signed(request)) }
            // GET of this one is the read API's, which tells a call's status.
            guard path != PublicURL.Path.status else { continue }
            router.get(RouterPath(path)) { request, _ in try await handle(self.signed(request)) }
        }
        router.get(RouterPath(PublicURL.Path.stream)) { _, _ in self.describeStream() }
    }

    /// Decides on a request for a WebSocket.
    func upgrade(_ head: HTTPRequest) -> HTTPServer.Upgrade {
        let path = head.path ?? ""
        guard path.prefix(while: { $0 != "?" }) == PublicURL.Path.stream else { return .notHere }
        guard path == PublicURL.Path.stream else {
            return .refuse(Problem(.badRequest, "A stream's URL has no query."))
        }
        let given = head.headerFields[values: SignedWebhook.signatureHeader]
        guard given.count == 1,
            self.publicURL.signedStreamURLs.contains(where: { self.signature.isValid(given[0], url: $0) })
        else {
            self.logger.warning("A stream's upgrade without a valid signature was refused")
            return .refuse(SignedWebhook.forbidden)
        }
        guard !self.health.waitingFor.contains(OutboundFrames.readinessCheck) else {
            return .refuse(Problem(.serviceUnavailable, "No audio can be sent yet."))
        }
        return .accept { socket in await self.drain.whileOpen { await self.streams.serve(socket) } }
    }

    private func signed(_ request: Request) async throws -> SignedWebhook {
        do {
            return try await SignedWebhook(request, publicURL: self.publicURL, signature: self.signature)
        } catch let problem as Problem where problem.status == .forbidden {
            self.logger.warning("A webhook without a valid signature was refused")
            throw problem
        }
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
}

extension HTTPServer.Upgrade {
    fileprivate static func refuse(_ problem: Problem) -> Self {
        .refuse(status: problem.status, contentType: Problem.contentType, body: problem.json)
    }
}
