import HTTPTypes
import Hummingbird
import NIOCore
import StageRuntime

/// One thing that can be asked over HTTP.
struct Route: Sendable {
    enum Access: Sendable {
        /// Who sends a token, or the cookie for it.
        case tokens
        /// Everybody: what is answered holds no data.
        case everybody
    }

    var method: HTTPRequest.Method
    /// Such as `/api/voice/calls/{callSid}`.
    var path: String
    var access = Access.tokens
    var answer: @Sendable (Request, BasicRequestContext) async throws -> Response

    /// A router that answers these and nothing else, with problems where they cannot.
    static func router(_ routes: [Route], tokens: APITokens, origins: AllowedOrigins) -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.middlewares.add(SecurityHeaders())
        router.middlewares.add(CrossOriginMiddleware(origins: origins))
        router.middlewares.add(ProblemMiddleware())
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                if route.access == .tokens { _ = try tokens.admit(request) }
                return try await route.answer(request, context)
            }
        }
        for (path, routes) in Dictionary(grouping: routes, by: \.path) {
            var methods = routes.map(\.method)
            if methods.contains(.get) { methods.append(.head) }
            self.refuseOthers(than: methods, of: path, on: router)
        }
        return router
    }

    private static let allMethods =
        [.get, .head, .post, .put, .delete, .patch, .options, .trace] + [HTTPRequest.Method("QUERY")].compactMap(\.self)

    private static func refuseOthers(
        than methods: [HTTPRequest.Method],
        of path: String,
        on router: Router<BasicRequestContext>
    ) {
        let allowed = methods.map(\.rawValue).sorted().joined(separator: ", ")
        for method in self.allMethods where !methods.contains(method) {
            router.on(RouterPath(path), method: method) { request, context in
                var response = try Problem(.methodNotAllowed, "What can be asked here: \(allowed).")
                    .response(from: request, context: context)
                response.headers[.allow] = allowed
                return response
            }
        }
    }
}

extension Response {
    /// A JSON document that nobody keeps a copy of.
    static func json(_ text: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
