import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import RealtimeSimulator
import Synchronization
import TestSupport
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct AdmissionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var headers: HTTPHeaders = ["Authorization": "Bearer test-key"]
        var query = "?model=gpt-realtime-2.1"
        var code: String
        var close: UInt16

        var testDescription: String { "\(self.code) \(self.query)" }
    }

    static let refused = [
        Case(headers: ["Authorization": "Bearer wrong"], code: "invalid_api_key", close: 3000),
        Case(headers: [:], code: "invalid_api_key", close: 3000),
        Case(
            headers: ["Authorization": "Bearer test-key", "OpenAI-Beta": "realtime=v1"],
            code: "beta_api_shape_disabled",
            close: 4000
        ),
        Case(query: "", code: "missing_model", close: 4000),
        Case(query: "?model=gpt-9", code: "invalid_model", close: 4000),
        Case(query: "?model=gpt-4o-realtime-preview", code: "model_not_found", close: 4000),
    ]

    @Test(arguments: refused)
    func `refuses after a successful upgrade, with an error and a close`(_ refused: Case) async throws {
        try await withSimulator { simulator in
            let client = WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
            let url = await simulator.url + refused.query
            try await client.connect(to: url, headers: refused.headers) { socket in
                var events: [JSONValue] = []
                for try await message in socket.inbound {
                    guard case .text(let text) = message else { continue }
                    events.append(try JSONValue(parsing: text.readableBytesView))
                }
                #expect(events.map { $0["error"]?["code"]?.stringValue } == [refused.code])
                #expect(
                    socket.closedWith
                        == WebSocket.Close(code: refused.close, reason: "invalid_request_error.\(refused.code)")
                )
            }
            #expect(simulator.sessions.isEmpty)
            #expect(simulator.refusals == [refused.code])
        }
    }

    @Test func `opens a session with the defaults of the service`() async throws {
        try await withSimulator { simulator in
            let headers: HTTPHeaders = [
                "Authorization": "Bearer test-key", "OpenAI-Safety-Identifier": "user-1",
            ]
            try await withSession(simulator, headers: headers) { peer in
                let expected = try Fixture.serverEvent("session-created-wire")
                let session = try #require(try await peer.wait("session.created")["session"]?.objectValue)
                var comparable = session
                for key in ["id", "expires_at"] { comparable[key] = expected["session"]?[key] }
                #expect(JSONValue.object(comparable) == expected["session"])
                #expect(session["id"]?.stringValue?.hasPrefix("sess_") ?? false)
                let facts = try #require(simulator.sessions.first)
                #expect(facts.safetyIdentifier == "user-1")
                #expect(facts.model == "gpt-realtime-2.1")
                #expect(facts.isOpen)
            }
            try await eventually("the end of the session") { simulator.sessions.first?.isOpen == false ? () : nil }
        }
    }

    @Test func `any key will do when none is configured, but one must be given`() async throws {
        try await withSimulator(apiKey: nil) { simulator in
            try await withSession(simulator, headers: ["Authorization": "Bearer anything"]) { _ in }
            #expect(simulator.sessions.count == 1)
        }
    }

    @Test func `other paths are no sockets`() async throws {
        try await withSimulator { simulator in
            let client = WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
            let url = await simulator.url + "s?model=gpt-realtime-2.1"
            await #expect(throws: WebSocketError.self) { try await client.connect(to: url) { _ in } }
        }
    }

    @Test func `pings, and drops who does not answer for long`() async throws {
        try await withSimulator(Script(pingSeconds: 0.05)) { simulator in
            try await withSession(simulator) { peer in
                let first = peer.socket.lastHeard
                try await eventually("a ping") { peer.socket.lastHeard > first ? () : nil }
                // The client answers pings by itself, so that the session lives on.
                try await eventually("more pings") { peer.socket.lastHeard > first + .milliseconds(300) ? () : nil }
                #expect(simulator.sessions.first?.isOpen ?? false)
            }
        }
    }
}
