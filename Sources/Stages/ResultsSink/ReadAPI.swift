import CallEvents
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import ResultsStore
import StageRuntime

/// The HTTP read API. Errors are problem+json.
struct ReadAPI {
    let store: any ResultsStore
    let tokens: APITokens

    var router: Router<BasicRequestContext> {
        let router = Router()
        router.middlewares.add(ProblemMiddleware())
        router.get("/api/voice/status") { request, _ in
            guard self.tokens.accepts(authorization: request.headers[.authorization]) else {
                throw Problem(.unauthorized, "A bearer token is needed.")
            }
            return try await self.status(request)
        }
        return router
    }

    private func status(_ request: Request) async throws -> Response {
        guard let value = request.uri.queryParameters["callSid"].map(String.init) else {
            throw Problem(.badRequest, "callSid is missing.")
        }
        guard let callSid = CallSid(value) else {
            throw Problem(.badRequest, "callSid must be CA and 32 hexadecimal digits.")
        }
        guard let call = try await self.store.history(of: callSid.rawValue) else {
            throw Problem(.notFound, "No call \(callSid) is known.")
        }
        let document = CallStatus.json(of: call, nowUs: UnixTime.nowUs)
        return Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: document.text))
        )
    }
}
