import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import StageRuntime

/// How a page exchanges an API token for a cookie that its scripts cannot read.
struct LoginAPI: Sendable {
    private static let path = "/api/voice/login"
    private static let maxBodyBytes = 4 << 10
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!

    let tokens: APITokens

    var routes: [Route] {
        [
            Route(method: .get, path: Self.path) { _, _ in
                .json(JSONValue.object(["anonymous": .bool(self.tokens.allowEverybody)]).text)
            },
            Route(method: .post, path: Self.path, access: .everybody) { request, _ in
                try await self.logIn(request)
            },
            Route(method: .post, path: "/api/voice/logout", access: .everybody) { request, _ in
                try Self.refuseOtherPages(request)
                return Self.answer(cookie: nil, request)
            },
        ]
    }

    private func logIn(_ request: Request) async throws -> Response {
        try Self.refuseOtherPages(request)
        let body = try await request.limitedBody(upTo: Self.maxBodyBytes)
        guard let document = try? JSONValue(parsing: body.readableBytesView), case .object(let fields) = document else {
            throw Problem(.badRequest, "The body must be a JSON object.")
        }
        guard let given = fields["token"]?.stringValue else {
            let error = Problem.FieldError(field: "token", detail: "must be text: an API token")
            throw Problem(.badRequest, "token must be text: an API token.", errors: [error])
        }
        guard let token = self.tokens.token(authorization: "Bearer \(given)") else {
            throw Problem(.unauthorized, "This is not an API token.")
        }
        // Where everybody is answered, nobody needs a cookie.
        guard !token.isEmpty else { return Response(status: .noContent, headers: [.cacheControl: "no-store"]) }
        let expiresAt = UnixTime.nowSeconds + LoginCookie.maxAge
        return Self.answer(cookie: LoginCookie.value(token: Array(token.utf8), expiresAt: expiresAt), request)
    }

    /// Another site's page must not log its visitor in or out here.
    private static func refuseOtherPages(_ request: Request) throws(Problem) {
        guard request.isFromOwnPage ?? true else { throw Problem(.forbidden, "Only pages of ours can do this.") }
    }

    private static func answer(cookie: String?, _ request: Request) -> Response {
        let isSecure = request.headers[self.forwardedProto] == "https"
        return Response(
            status: .noContent,
            headers: [.setCookie: LoginCookie.header(cookie, isSecure: isSecure), .cacheControl: "no-store"]
        )
    }
}
