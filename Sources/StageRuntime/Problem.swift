package import HTTPTypes
package import Hummingbird
import Logging
import NIOCore

/// An error answer of the HTTP API: `application/problem+json` (RFC 9457).
package struct Problem: Error, Equatable, ResponseGenerator {
    package var status: HTTPResponse.Status
    /// What is wrong with this request, for people.
    package var detail: String
    /// What is wrong with each field, when several may be.
    package var errors: [FieldError]
    /// Further members, whose values are text.
    package var members: [String: String]
    /// When to try again, in seconds; sent as `Retry-After`.
    package var retryAfter: Int?

    package struct FieldError: Equatable, Sendable {
        package var field: String
        package var detail: String

        package init(field: String, detail: String) {
            self.field = field
            self.detail = detail
        }
    }

    package init(
        _ status: HTTPResponse.Status,
        _ detail: String,
        errors: [FieldError] = [],
        members: [String: String] = [:],
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.detail = detail
        self.errors = errors
        self.members = members
        self.retryAfter = retryAfter ?? (status == .serviceUnavailable ? 5 : nil)
    }

    package static let contentType = "application/problem+json"

    /// The document; `type` is absent and so `about:blank`, which makes `title` the status's phrase.
    package var json: String {
        var json = #"{"title":\#(Self.quoted(self.status.reasonPhrase)),"status":\#(self.status.code),"#
        json += #""detail":\#(Self.quoted(self.detail))"#
        for member in self.members.sorted(by: { $0.key < $1.key }) {
            json += ",\(Self.quoted(member.key)):\(Self.quoted(member.value))"
        }
        if !self.errors.isEmpty {
            let errors = self.errors.map { error in
                #"{"field":\#(Self.quoted(error.field)),"detail":\#(Self.quoted(error.detail))}"#
            }
            json += #","errors":["# + errors.joined(separator: ",") + "]"
        }
        return json + "}"
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = Response(
            status: self.status,
            headers: [.contentType: Self.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: self.json))
        )
        if self.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        response.headers[.retryAfter] = self.retryAfter.map(String.init)
        return response
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// Answers whatever a handler throws as a problem; what is not meant for the client is logged and answered as 500.
package struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    package init() {}

    package func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return try problem.response(from: request, context: context)
        } catch let error as any HTTPResponseError {
            return try Problem(error.status, error.status.reasonPhrase).response(from: request, context: context)
        } catch {
            context.logger.error("Request failed", metadata: [LogKey.error: "\(error)"])
            return try Problem(.internalServerError, "The request could not be answered.")
                .response(from: request, context: context)
        }
    }
}
