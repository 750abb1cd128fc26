import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import ServiceLifecycle
import TwilioMedia

/// The calls of the REST API 2010-04-01.
struct CallsAPI: Sendable {
    private static let maximumBody = 1 << 16
    private static let maximumPage = 1_000_000

    let accountSid: String
    let tokens: AuthTokens
    let ownedNumbers: Set<String>?
    let registry: CallRegistry

    func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        let calls = router.group("2010-04-01/Accounts/:account")
        calls.post("Calls.json") { request, context in
            await self.answer(request, context) { try await self.create(request) }
        }
        calls.get("Calls.json") { request, context in
            await self.answer(request, context) { try await self.list(request) }
        }
        calls.get("Calls/:call") { request, context in
            await self.answer(request, context) {
                let call = try self.call(context)
                return try await self.carryOut(call.takeLookUpFault()) { Reply(json: call.details.json) }
            }
        }
        calls.post("Calls/:call") { request, context in
            await self.answer(request, context) { try await self.update(request, context) }
        }
        return router
    }

    struct Reply {
        var status: HTTPResponse.Status = .ok
        var json: JSONValue
    }

    private func answer(
        _ request: Request,
        _ context: BasicRequestContext,
        _ handle: () async throws -> Reply
    ) async -> Response {
        let reply: Reply
        do {
            try self.authenticate(request, context)
            reply = try await handle()
        } catch let error as APIError {
            reply = Reply(status: .init(code: error.status), json: error.json)
        } catch {
            reply = Reply(status: .badRequest, json: APIError(code: 20001, "the request cannot be read").json)
        }
        var headers: HTTPFields = [.contentType: "application/json"]
        if reply.status == .unauthorized { headers[.wwwAuthenticate] = "Basic realm=\"Twilio API\"" }
        return Response(
            status: reply.status,
            headers: headers,
            body: .init(byteBuffer: ByteBuffer(string: reply.json.text))
        )
    }

    private func authenticate(_ request: Request, _ context: BasicRequestContext) throws(APIError) {
        guard let given = request.headers[.authorization],
            self.tokens.accept(authorization: given, accountSid: self.accountSid),
            context.parameters.get("account") == self.accountSid
        else { throw .unauthenticated }
    }

    private func form(_ request: Request) async throws -> FormFields {
        let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" }.lowercased()
        let body = try await request.body.collect(upTo: Self.maximumBody)
        guard String(type).trimmed == "application/x-www-form-urlencoded" else { return FormFields() }
        return FormFields(parsing: body.readableBytesView)
    }

    private func create(_ request: Request) async throws -> Reply {
        let form = try await self.form(request)
        let fault = form.given("To").flatMap { self.registry.takeCreateFault(for: $0) }
        return try await self.carryOut(fault) {
            let call = try self.registry.create(CallRequest(form, ownedNumbers: self.ownedNumbers))
            return Reply(status: .created, json: call.details.json)
        }
    }

    private func update(_ request: Request, _ context: BasicRequestContext) async throws -> Reply {
        let form = try await self.form(request)
        let call = try self.call(context)
        return try await self.carryOut(call.takeUpdateFault()) {
            try call.update(CallUpdate(form))
            return Reply(json: call.details.json)
        }
    }

    /// Does what was asked, or what the script has instead.
    private func carryOut(_ fault: Faults.APIFault?, _ action: () throws -> Reply) async throws -> Reply {
        switch fault {
        case nil:
            return try action()
        case .status(let status):
            throw APIError(scripted: status)
        case .timeout(let hold):
            try await Self.hold(hold)
        case .lostAnswer(let hold):
            _ = try action()
            try await Self.hold(hold)
        }
        throw APIError(status: 504, code: 20504, "scripted")
    }

    private static func hold(_ milliseconds: Int) async throws {
        try await cancelWhenGracefulShutdown { try await Task.sleep(for: .milliseconds(milliseconds)) }
    }

    private func call(_ context: BasicRequestContext) throws(APIError) -> SimulatedCall {
        let name = context.parameters.get("call") ?? ""
        guard name.hasSuffix(".json"), let call = self.registry[String(name.dropLast(5))] else {
            throw .notFound("/2010-04-01/Accounts/\(self.accountSid)/Calls/\(name)")
        }
        return call
    }

    /// Pages by `Page` and `PageSize`, newest first.
    private func list(_ request: Request) async throws -> Reply {
        let query = FormFields(parsing: request.uri.query ?? "")
        let fault = query.given("To").flatMap { self.registry.takeListFault(for: $0) }
        return try await self.carryOut(fault) { try self.page(of: query) }
    }

    private func page(of query: FormFields) throws(APIError) -> Reply {
        let filter = try CallFilter(query)
        let calls = self.registry.all.map(\.details).filter { filter.matches($0) }
        let size = min(max(query.given("PageSize").flatMap(Int.init) ?? 50, 1), 1000)
        let page = min(max(query.given("Page").flatMap(Int.init) ?? 0, 0), Self.maximumPage)
        let first = min(page * size, calls.count)
        let shown = calls.dropFirst(first).prefix(size)
        let path = "/2010-04-01/Accounts/\(self.accountSid)/Calls.json"
        func uri(_ page: Int) -> JSONValue {
            let kept = query.fields.filter { !["Page", "PageSize"].contains($0.name) && !$0.value.isEmpty }
            let paging = [FormField("PageSize", String(size)), FormField("Page", String(page))]
            return .string("\(path)?\(FormFields(kept + paging).encoded)")
        }
        return Reply(
            json: [
                "calls": .array(shown.map(\.json)),
                "page": .integer(page),
                "page_size": .integer(size),
                "start": .integer(first),
                "end": .integer(max(first + shown.count - 1, 0)),
                "uri": uri(page),
                "first_page_uri": uri(0),
                "previous_page_uri": page > 0 ? uri(page - 1) : .null,
                "next_page_uri": first + shown.count < calls.count ? uri(page + 1) : .null,
            ]
        )
    }
}
