import FoundationEssentials
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// What Twilio does not have: routes by which tests and demos direct the simulator. Nothing under Twilio's own paths,
/// and no password: the simulator listens on loopback.
///
/// - `POST /control/calls` `{"from": "+1…", "to": "+1…", "script": {…}}`: a person calls one of our numbers; 201 with
///   the call as Twilio's API shows it. Without `from` they withhold their number; `script` is a `CallScript`, by default
///   the one for their number.
/// - `POST /control/calls/{sid}/hang-up`: the person hangs up; 202.
/// - `POST /control/auth-tokens/secondary` `{"authToken": "…"}`: the API takes this one as well; 200.
/// - `POST /control/auth-tokens/promote`: that one becomes the primary: it signs, and the old one is worth nothing; 200,
///   or 409 when there is none.
struct ControlAPI: Sendable {
    private static let maximumBody = 1 << 20

    let registry: CallRegistry
    let tokens: AuthTokens

    func addRoutes(to router: Router<BasicRequestContext>) {
        let control = router.group("control")
        control.post("calls") { request, _ in
            await self.answer {
                let order = try await self.body(InboundOrder.self, of: request)
                let from = order.from ?? CallRequest.withheld
                let call = try self.registry.receive(from: from, to: order.to, script: order.script)
                return (.created, call.details.json)
            }
        }
        control.post("calls/:call/hang-up") { _, context in
            await self.answer {
                let sid = context.parameters.get("call") ?? ""
                guard let call = self.registry[sid] else { throw APIError.notFound("/control/calls/\(sid)") }
                call.control.send(.hangUp(.businessHungUp))
                return (.accepted, call.details.json)
            }
        }
        control.post("auth-tokens/secondary") { request, _ in
            await self.answer {
                self.tokens.set(secondary: try await self.body(NewToken.self, of: request).authToken)
                return (.ok, [:])
            }
        }
        control.post("auth-tokens/promote") { _, _ in
            await self.answer { (self.tokens.promote() ? .ok : .conflict, [:]) }
        }
    }

    private func answer(_ handle: () async throws -> (HTTPResponse.Status, JSONValue)) async -> Response {
        var status: HTTPResponse.Status
        var json: JSONValue
        do {
            (status, json) = try await handle()
        } catch let error as APIError {
            (status, json) = (.init(code: error.status), error.json)
        } catch {
            (status, json) = (.badRequest, ["message": .string("\(error)")])
        }
        return Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: json.text))
        )
    }

    private func body<Body: Decodable>(_ type: Body.Type, of request: Request) async throws -> Body {
        let body = try await request.body.collect(upTo: Self.maximumBody)
        return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
    }
}

private struct InboundOrder: Decodable {
    var from: String?
    var to: String
    var script: CallScript?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case from, to, script
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        self.from = try container.decodeIfPresent(String.self, forKey: .from)
        self.to = try container.decode(String.self, forKey: .to)
        self.script = try container.decodeIfPresent(CallScript.self, forKey: .script)
    }
}

private struct NewToken: Decodable {
    var authToken: String
}
