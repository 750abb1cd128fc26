import HTTPTypes
import Hummingbird
package import StageRuntime

/// Other web apps whose pages may read the API with a token of theirs (CORS). Never with the cookie.
package struct AllowedOrigins: Sendable {
    /// Such as `https://app.example.com`.
    private let origins: Set<String>

    package init(_ origins: Set<String>) {
        self.origins = origins
    }

    /// ## Configuration variables
    /// - `VOICE_ALLOWED_ORIGINS` (default none): Origins, comma separated: scheme, host and port, no path.
    package init(_ settings: inout Settings) {
        let listed = settings.string(
            "VOICE_ALLOWED_ORIGINS",
            default: "",
            "Other web apps whose pages may read the API with a token: origins such as https://app.example.com, "
                + "comma separated."
        )
        var origins: Set<String> = []
        for text in listed.split(separator: ",").map({ $0.filter { !$0.isWhitespace }.lowercased() })
        where !text.isEmpty {
            let host = ["https://", "http://"].first(where: text.hasPrefix).map { text.dropFirst($0.count) } ?? ""
            if host.isEmpty || host.contains(where: { "/?#*@".contains($0) }) {
                settings.report(
                    "VOICE_ALLOWED_ORIGINS must list origins such as https://app.example.com, not “\(text)”."
                )
            } else {
                origins.insert(text)
            }
        }
        self.origins = origins
    }

    func contains(_ origin: String) -> Bool { self.origins.contains(origin.lowercased()) }
}

/// Lets pages of the allowed origins read what is answered, and answers what their browsers ask before.
struct CrossOriginMiddleware: RouterMiddleware {
    let origins: AllowedOrigins

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin], self.origins.contains(origin) else {
            return try await next(request, context)
        }
        let asked = request.headers[.accessControlRequestMethod]
        var response: Response
        if request.method == .options, let asked {
            response = Response(status: .noContent)
            if asked == "GET" {
                response.headers[.accessControlAllowMethods] = "GET"
                response.headers[.accessControlAllowHeaders] = "Authorization, Last-Event-ID"
                response.headers[.accessControlMaxAge] = "600"
            }
        } else {
            response = try await next(request, context)
        }
        // What the page's files say of all origins stays.
        if response.headers[.accessControlAllowOrigin] == nil {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.vary] = "Origin"
        }
        return response
    }
}
