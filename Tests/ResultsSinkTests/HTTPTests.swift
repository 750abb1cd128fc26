import JSON
import NIOCore
import NIOHTTP1
import ResultsSink
import StageRuntime
import TestSupport
import Testing

extension Deployment.Sink {
    func get(_ path: String, _ headers: HTTPHeaders = [:]) async throws -> Answer {
        try await self.send(.GET, path, headers)
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ headers: HTTPHeaders = [:],
        body: String? = nil
    ) async throws -> Answer {
        try await Answer.send(method, path, toPort: self.port, headers: headers, body: body)
    }
}

@Suite(.timeLimit(.minutes(2))) struct HTTPTests {
    /// Runs `body` with a sink on a broker that nobody writes to.
    private func withSink(
        tokens: [String] = ["one", "two"],
        origins: Set<String> = [],
        _ body: (Deployment.Sink) async throws -> Void
    ) async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink(tokens: tokens, origins: origins)
        let result: Result<Void, any Error>
        do { result = .success(try await body(sink)) } catch { result = .failure(error) }
        await sink.running.crash()
        await deployment.end()
        try result.get()
    }

    @Test func `a token is exchanged for a cookie, and the cookie is taken away again`() async throws {
        try await self.withSink { sink in
            #expect(try await sink.get("/api/voice/login").status == 401)
            let login = try await sink.send(.POST, "/api/voice/login", body: #"{"token":"two"}"#)
            #expect(login.status == 204)
            let given = try #require(login.headers.first(name: "set-cookie"))
            #expect(given.hasSuffix("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"))
            let cookie: HTTPHeaders = ["cookie": String(given.prefix { $0 != ";" })]
            let allowed = try await sink.get("/api/voice/login", cookie)
            #expect(allowed.status == 200 && allowed.json == ["anonymous": false])

            let behindTLS: HTTPHeaders = ["x-forwarded-proto": "https"]
            let secure = try await sink.send(.POST, "/api/voice/login", behindTLS, body: #"{"token":"two"}"#)
            #expect(secure.headers.first(name: "set-cookie")?.hasSuffix("; Secure") == true)
            let logout = try await sink.send(.POST, "/api/voice/logout", cookie)
            #expect(logout.status == 204)
            #expect(logout.headers.first(name: "set-cookie")?.contains("lifehub_voice=;") == true)
        }
    }

    @Test func `what is no token gives no cookie`() async throws {
        try await self.withSink { sink in
            for (body, status) in [
                (#"{"token":"three"}"#, 401), (#"{"token":""}"#, 401), (#"{"token":1}"#, 400), ("{}", 400), ("[]", 400),
                ("", 400), (#"{"token":"# + String(repeating: " ", count: 5_000) + #""two"}"#, 413),
            ] {
                let answer = try await sink.send(.POST, "/api/voice/login", body: body)
                #expect(answer.status == status && answer.isProblem, "\(body)")
                #expect(!answer.headers.contains(name: "set-cookie"))
            }
            let elsewhere: HTTPHeaders = ["sec-fetch-site": "cross-site"]
            for path in ["/api/voice/login", "/api/voice/logout"] {
                let answer = try await sink.send(.POST, path, elsewhere, body: #"{"token":"two"}"#)
                #expect(answer.status == 403 && !answer.headers.contains(name: "set-cookie"))
            }
        }
    }

    @Test func `where everybody is answered, nobody needs a cookie`() async throws {
        try await self.withSink(tokens: []) { sink in
            #expect(try await sink.get("/api/voice/login").json == ["anonymous": true])
            let login = try await sink.send(.POST, "/api/voice/login", body: #"{"token":"any"}"#)
            #expect(login.status == 204 && !login.headers.contains(name: "set-cookie"))
        }
    }

    @Test func `every answer says what a browser is to allow it`() async throws {
        try await self.withSink { sink in
            for path in ["/", "/api/voice/login", "/api/voice/status", "/nothing", "/api/voice/status?callSid=%zz"] {
                let answer = try await sink.get(path)
                let policy = answer.headers.first(name: "content-security-policy") ?? ""
                #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self'"), "\(path)")
                #expect(!policy.contains("unsafe"))
                #expect(answer.headers.first(name: "x-content-type-options") == "nosniff")
                #expect(answer.headers.first(name: "referrer-policy") == "no-referrer")
                #expect(answer.headers.first(name: "cross-origin-opener-policy") == "same-origin")
            }
        }
    }

    @Test func `the page's files are everybody's, and are sent again only when they changed`() async throws {
        try await self.withSink { sink in
            let page = try await sink.get("/")
            #expect(page.status == 200 && page.text.contains("<html"))
            #expect(page.headers.first(name: "content-type") == "text/html; charset=utf-8")
            #expect(page.headers.first(name: "access-control-allow-origin") == "*")
            #expect(page.headers.first(name: "cache-control") == "no-cache")
            let tag = try #require(page.headers.first(name: "etag"))
            for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try await sink.get("/", ["if-none-match": known])
                #expect(again.status == 304 && again.text.isEmpty && again.headers.first(name: "etag") == tag)
            }
            #expect(try await sink.get("/", ["if-none-match": "\"x\""]).status == 200)
            let head = try await sink.send(.HEAD, "/")
            #expect(head.status == 200 && head.text.isEmpty)
            #expect(head.headers.first(name: "content-length") == "\(page.text.utf8.count)")
        }
    }

    @Test func `another method is refused with those that there are`() async throws {
        try await self.withSink { sink in
            for method in [HTTPMethod.POST, .PUT, .DELETE, .PATCH, .OPTIONS] {
                let answer = try await sink.send(method, "/api/voice/status")
                #expect(answer.status == 405 && answer.isProblem)
                #expect(answer.headers.first(name: "allow") == "GET, HEAD")
            }
        }
    }

    @Test func `pages of allowed origins may read with a token, and others may not`() async throws {
        try await self.withSink(origins: ["https://app.example.com"]) { sink in
            let path = "/api/voice/login"
            let preflight: HTTPHeaders = [
                "origin": "https://app.example.com", "access-control-request-method": "GET",
                "access-control-request-headers": "authorization",
            ]
            let allowed = try await sink.send(.OPTIONS, path, preflight)
            #expect(allowed.status == 204)
            #expect(allowed.headers.first(name: "access-control-allow-origin") == "https://app.example.com")
            #expect(allowed.headers.first(name: "access-control-allow-methods") == "GET")
            #expect(
                allowed.headers.first(name: "access-control-allow-headers")?.contains("Authorization") == true
            )
            let answer = try await sink.get(
                path,
                ["origin": "https://app.example.com", "authorization": "Bearer one"]
            )
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "access-control-allow-origin") == "https://app.example.com")
            #expect(answer.headers.first(name: "vary") == "Origin")
            #expect(!answer.headers.contains(name: "access-control-allow-credentials"))
            let other = try await sink.get(path, ["origin": "https://evil.example", "authorization": "Bearer one"])
            #expect(!other.headers.contains(name: "access-control-allow-origin"))
            var posting = preflight
            posting.replaceOrAdd(name: "access-control-request-method", value: "POST")
            let refused = try await sink.send(.OPTIONS, path, posting)
            #expect(!refused.headers.contains(name: "access-control-allow-methods"))
        }
    }

    @Test(arguments: [
        ("", 0), ("https://app.example.com", 0), ("http://localhost:5173, https://a.example", 0),
        ("app.example.com", 1),
        ("https://app.example.com/", 1), ("*", 1), ("https://a.example, *", 1),
    ])
    func `only origins can be allowed`(_ listed: String, problems: Int) {
        var settings = Settings(environment: ["VOICE_ALLOWED_ORIGINS": listed])
        _ = AllowedOrigins(&settings)
        #expect(settings.problems.count == problems)
    }
}
