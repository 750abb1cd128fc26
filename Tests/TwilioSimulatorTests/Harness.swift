import AsyncHTTPClient
import CallEvents
import JSON
import Logging
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator

/// A simulator and a customer's server in this process, on free ports.
struct Harness: Sendable {
    static let accountSid = "AC0123456789abcdef0123456789abcdef"
    static let number = "+15551234567"

    let simulator: TwilioSimulator
    let server: TestServer
    private let http: HTTPClient

    static func run(
        _ script: CallScript,
        server: TestServer,
        configure: (inout TwilioSimulatorConfiguration) -> Void = { _ in },
        body: @Sendable (Harness) async throws -> Void
    ) async throws {
        var configuration = TwilioSimulatorConfiguration(accountSid: Self.accountSid, authToken: TestServer.authToken)
        configuration.script.fallback = script
        configuration.sayMsPerCharacter = 1
        configuration.utterance = { Self.utterances[$0] }
        configure(&configuration)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let harness = Harness(
            simulator: try TwilioSimulator(configuration: configuration, logger: logger),
            server: server,
            http: HTTPClient(eventLoopGroupProvider: .singleton)
        )
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup { group in
                group.addTask { try await harness.simulator.run() }
                group.addTask { try await server.run() }
                _ = try await harness.simulator.waitForPort()
                try await eventually("the server listens") { server.port }
                try await body(harness)
                group.cancelAll()
                // Both end by cancellation.
                while await group.nextResult() != nil {}
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await harness.http.shutdown()
        try result.get()
    }

    /// Recognisable: each a level of its own. `hello` lasts 200 ms, `price` 300 ms, `story` 2 s.
    static let utterances = [
        "hello": ByteBuffer(repeating: 0x11, count: 1600),
        "price": ByteBuffer(repeating: 0x22, count: 2400),
        "story": ByteBuffer(repeating: 0x33, count: 16000),
    ]

    func api(
        _ path: String,
        form: [(String, String)]? = nil,
        authToken: String = TestServer.authToken,
        timeout: TimeAmount = .seconds(10)
    ) async throws -> (status: Int, json: JSONValue) {
        let port = try await self.simulator.waitForPort()
        let root = "http://127.0.0.1:\(port)/2010-04-01/Accounts/\(Self.accountSid)"
        var request = HTTPClientRequest(url: root + path)
        request.setBasicAuth(username: Self.accountSid, password: authToken)
        if let form {
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: FormFields(form.map { FormField($0.0, $0.1) }).encoded))
        }
        let response = try await self.http.execute(request, timeout: timeout)
        let body = try await response.body.collect(upTo: 1 << 20)
        return (Int(response.status.code), try JSONValue(parsing: body.readableBytesView))
    }

    func control(_ path: String, body: String) async throws -> (status: Int, json: JSONValue) {
        let port = try await self.simulator.waitForPort()
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .POST
        request.body = .bytes(ByteBuffer(string: body))
        let response = try await self.http.execute(request, timeout: .seconds(10))
        let answer = try await response.body.collect(upTo: 1 << 20)
        return (Int(response.status.code), try JSONValue(parsing: answer.readableBytesView))
    }

    /// Creates a call with all status callbacks.
    /// - Parameter replaced: a parameter that `further` has instead.
    func call(_ further: [(String, String)] = [], replacing replaced: String = "") async throws -> CallSid {
        var form =
            [
                ("To", Self.number), ("From", "+15550000000"), ("Url", self.server.url("/twiml")),
                ("StatusCallback", self.server.url("/status")),
            ] + ["initiated", "ringing", "answered", "completed"].map { ("StatusCallbackEvent", $0) }
        form.removeAll { $0.0 == replaced }
        let (status, json) = try await self.api("/Calls.json", form: form + further)
        #expect(status == 201, "\(json.text)")
        return try #require(CallSid(json["sid"]?.stringValue ?? ""))
    }

    func update(_ sid: CallSid, _ form: [(String, String)]) async throws -> (status: Int, json: JSONValue) {
        try await self.api("/Calls/\(sid).json", form: form)
    }

    func snapshot(_ sid: CallSid) throws -> CallSnapshot { try #require(self.simulator.call(sid)) }

    /// Waits until something is true of the call.
    @discardableResult
    func wait(for sid: CallSid, until isTrue: (CallSnapshot) -> Bool) async throws -> CallSnapshot {
        try await eventually("a state of the call", every: .milliseconds(5)) {
            let snapshot = try self.snapshot(sid)
            return isTrue(snapshot) ? snapshot : nil
        }
    }

    /// Waits for the end of the call and its last callback.
    @discardableResult
    func waitForEnd(_ sid: CallSid) async throws -> CallSnapshot {
        try await self.wait(for: sid) { snapshot in
            snapshot.events.contains { event in
                if case .webhook(let webhook) = event, webhook.kind == .status {
                    return CallDetails.Status(rawValue: webhook.callStatus)?.isFinal ?? false
                }
                return false
            }
        }
    }
}

extension CallScript {
    /// Answers at once, so that tests are quick.
    static func quick(_ turns: [Turn] = []) -> CallScript {
        var script = CallScript()
        script.ringAfterMs = 5
        script.answerAfterMs = 5
        script.detectionMs = 50
        script.quietMs = 100
        script.resumeAfterMs = 200
        script.turns = turns
        return script
    }
}
