import JSON
import NIOHTTP1
import StageRuntime
import TestSupport
import Testing

@testable import TwilioIngress

/// Requests of a page whose visitor has logged in: a cookie instead of a token.
@Suite(.timeLimit(.minutes(2))) struct LoggedInPageTests {
    private static let call =
        #"{"phoneNumber":"+15551234567","businessName":"Test Business","userRequest":"Get quote for service"}"#

    private func headers(_ others: [(String, String)] = [], token: String = Ingress.apiToken) -> HTTPHeaders {
        let cookie = LoginCookie.value(token: Array(token.utf8), expiresAt: UnixTime.nowSeconds + 60)
        return HTTPHeaders([("cookie", "a=b; \(LoginCookie.name)=\(cookie)")] + others)
    }

    @Test func `a page of ours places calls and ends them`() async throws {
        try await Ingress.run { ingress in
            let own = "http://127.0.0.1:\(ingress.port)"
            for others in [[("sec-fetch-site", "same-origin")], [("origin", own)]] {
                let headers = self.headers(others)
                let call = try await ingress.send(.POST, "/api/voice/initiate-call", headers: headers, body: Self.call)
                #expect(call.status == 201)
                ingress.twilio.willAnswer(.status(200, #"{"sid":"CA","status":"no-answer"}"#))
                let path = "/api/voice/calls/\(ingress.callSid)/end"
                #expect(try await ingress.send(.POST, path, headers: headers).status == 202)
            }
        }
    }

    @Test func `another site's page does nothing, whoever has logged in`() async throws {
        try await Ingress.run { ingress in
            for others in [
                [], [("sec-fetch-site", "cross-site")], [("sec-fetch-site", "same-site")],
                [("origin", "http://evil.example")], [("origin", "null")],
                [("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:\(ingress.port)")],
            ] {
                for path in ["initiate-call", "calls/\(ingress.callSid)/end", "calls/\(ingress.callSid)/handoff"] {
                    let headers = self.headers(others)
                    let answer = try await ingress.send(.POST, "/api/voice/\(path)", headers: headers, body: Self.call)
                    #expect(answer.status == 403 && answer.isProblem, "\(path) \(others)")
                }
            }
            let stranger = self.headers([("sec-fetch-site", "same-origin")], token: "secret-three")
            let answer = try await ingress.send(.POST, "/api/voice/initiate-call", headers: stranger, body: Self.call)
            #expect(answer.status == 401)
            #expect(ingress.twilio.received.isEmpty)
        }
    }

    @Test func `the cookie counts against the calls a minute of its token`() async throws {
        try await Ingress.run(
            adjust: { $0.callsPerMinute = 1 },
            body: { ingress in
                #expect(try await ingress.initiateCall(Self.call).status == 201)
                let answer = try await ingress.send(
                    .POST,
                    "/api/voice/initiate-call",
                    headers: self.headers([("sec-fetch-site", "same-origin")]),
                    body: Self.call
                )
                #expect(answer.status == 429)
            }
        )
    }
}
