import HTTPTypes
import NIOCore
import NIOPosix
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct UpgradeTests {
    private static let get = "GET /plain HTTP/1.1\r\nHost: localhost\r\n"

    @Test func `a refused upgrade is answered with its status and body`() async throws {
        let upgrade: @Sendable (Any) async -> HTTPServer.Upgrade = { _ in
            .refuse(status: .forbidden, contentType: "application/problem+json", body: #"{"title":"no"}"#)
        }
        try await withServer(upgrade: upgrade) { port, _ in
            await #expect(throws: WebSocketError(.notUpgraded, status: 403, detail: #"{"title":"no"}"#)) {
                try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { _ in }
            }
        }
    }

    @Test func `an upgrade of another path is routed as a plain request`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            await #expect(throws: WebSocketError(.notUpgraded, status: 200, detail: "a plain answer")) {
                try await client().connect(to: "ws://127.0.0.1:\(port)/plain") { _ in }
            }
        }
    }

    @Test func `plain requests are routed on the same port`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            try await peer.send(Self.get + "\r\n")
            var reader = peer.reader()
            #expect(try await reader.head().hasPrefix("HTTP/1.1 200"))
            try await peer.send(Self.get + "Connection: close\r\n\r\n")
            #expect(await reader.rest().hasSuffix("a plain answer"))
        }
    }

    @Test(arguments: ["h2c", "websocket"])
    func `an upgrade that is not ours is answered as a plain request, the last of its connection`(
        name: String
    ) async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            try await peer.send(Self.get + "Connection: Upgrade\r\nUpgrade: \(name)\r\n\r\n")
            var reader = peer.reader()
            let answer = await reader.rest()
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.hasSuffix("a plain answer"))
        }
    }

    @Test func `a body that comes with an upgrade elsewhere reaches its route`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            try await peer.send(
                "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n"
                    + "Content-Length: 4\r\n\r\nbody"
            )
            var reader = peer.reader()
            #expect(await reader.rest().hasSuffix("\r\n\r\nbody"))
        }
    }

    @Test func `a handshake without its key is answered with 426`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            try await peer.send(
                "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            var reader = peer.reader()
            let answer = await reader.rest()
            #expect(answer.hasPrefix("HTTP/1.1 426"))
            #expect(answer.lowercased().contains("sec-websocket-version: 13"))
        }
    }

    @Test func `frames in the packet of the upgrade request wait for the decision`() async throws {
        let decide = Promised<Void>()
        let upgrade: @Sendable (Any) async -> HTTPServer.Upgrade = { _ in
            _ = await decide.value()
            return .accept { socket in try? await echo(socket) }
        }
        try await withServer(upgrade: upgrade) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            let request =
                "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            try await peer.send(Array(request.utf8) + maskedFrame(first: 0x81, Array("early".utf8)))
            decide.fulfil(())
            var reader = peer.reader()
            #expect(try await reader.head().contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            #expect(await reader.frame()?.payload == Array("early".utf8))
        }
    }

    @Test func `a peer that leaves during the decision is forgotten`() async throws {
        let asked = Promised<Void>()
        let decide = Promised<Void>()
        let upgrade: @Sendable (Any) async -> HTTPServer.Upgrade = { _ in
            asked.fulfil(())
            _ = await decide.value()
            return .accept { socket in try? await echo(socket) }
        }
        try await withServer(upgrade: upgrade) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            try await peer.send(
                "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            _ = await asked.value()
            try await peer.channel.close().get()
            decide.fulfil(())
        }
    }

    @Test func `nobody listening is an error that says so`() async throws {
        let port = try await freePort()
        let error = await #expect(throws: WebSocketError.self) {
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { _ in }
        }
        #expect(error?.code == .connectFailed)
    }

    @Test func `a server that never answers is left when the time is up`() async throws {
        let server = try await ServerBootstrap(group: loops).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        for url in ["ws://127.0.0.1:\(port)/socket", "wss://127.0.0.1:\(port)/socket"] {
            await #expect(throws: WebSocketError(.connectTimedOut)) {
                try await client(connectTimeout: .milliseconds(200)).connect(to: url) { _ in }
            }
        }
        try await server.close()
    }

    @Test(arguments: [
        "http://localhost/", "localhost", "ws://", "ws://host:port/", "ws://u:p@host/", "ws://ho st/", "",
    ])
    func `a URL that is not one is refused`(url: String) async throws {
        let error = await #expect(throws: WebSocketError.self) { try await client().connect(to: url) { _ in } }
        #expect(error?.code == .badURL)
    }

    private func freePort() async throws -> Int {
        let server = try await ServerBootstrap(group: loops).bind(host: "127.0.0.1", port: 0).get()
        defer { server.close(promise: nil) }
        return try #require(server.localAddress?.port)
    }
}
