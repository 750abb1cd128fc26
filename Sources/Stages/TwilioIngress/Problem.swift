import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// An error answer: RFC 9457 `application/problem+json`.
struct Problem: Error, Equatable {
    /// One wrong field of a request.
    struct Field: Equatable {
        var name: String
        var detail: String
    }

    static let contentType = "application/problem+json"

    var status: HTTPResponse.Status
    var title: String
    var detail: String
    var fields: [Field] = []
    /// Further members.
    var members: [String: JSONValue] = [:]

    var text: String {
        var document = self.members
        document["type"] = "about:blank"
        document["title"] = .string(self.title)
        document["status"] = .integer(self.status.code)
        document["detail"] = .string(self.detail)
        if !self.fields.isEmpty {
            document["errors"] = .array(
                self.fields.map { ["field": .string($0.name), "detail": .string($0.detail)] }
            )
        }
        return JSONValue.object(document).text
    }
}

extension Problem: HTTPResponseError {
    func response(from request: Request, context: some RequestContext) -> Response {
        var headers: HTTPFields = [.contentType: Self.contentType]
        switch self.status {
        case .unauthorized: headers[.wwwAuthenticate] = "Bearer"
        case .serviceUnavailable, .tooManyRequests: headers[.retryAfter] = "5"
        default: break
        }
        return Response(status: self.status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: self.text)))
    }
}

/// Turns the router's own errors (no such route, an unexpected error) into problems.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response(from: request, context: context)
        } catch let error as any HTTPResponseError {
            let title = error.status.reasonPhrase
            return Problem(status: error.status, title: title, detail: "The request was not served: \(title).")
                .response(from: request, context: context)
        } catch {
            context.logger.error("A request failed", metadata: ["error": "\(error)"])
            return Problem(
                status: .internalServerError,
                title: "Internal error",
                detail: "The request failed for a reason that is in our logs."
            ).response(from: request, context: context)
        }
    }
}
