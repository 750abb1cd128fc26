import CallEvents
import Hummingbird
import JSON
import ResultsStore
import StageRuntime

/// What can be read of calls. Errors are problem+json.
struct ReadAPI: Sendable {
    let store: any ResultsStore

    var routes: [Route] {
        [
            Route(method: .get, path: "/api/voice/status") { request, _ in try await self.status(request) }
        ]
    }

    private func status(_ request: Request) async throws -> Response {
        guard let value = request.uri.queryParameters["callSid"].map(String.init) else {
            throw Problem(.badRequest, "callSid is missing.")
        }
        guard let callSid = CallSid(value) else {
            throw Problem(.badRequest, "callSid must be CA and 32 hexadecimal digits.")
        }
        guard let call = try await self.store.call(callSid.rawValue) else {
            throw Problem(.notFound, "No call \(callSid) is known.")
        }
        return .json(CallStatus.json(of: call, nowUs: UnixTime.nowUs).text)
    }
}
