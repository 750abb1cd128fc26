import NIOCore
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct ClosingTests {
    @Test func `the server learns the code and the reason of the client`() async throws {
        let closed = Promised<WebSocket.Close?>()
        let upgrade = accepting { socket in
            for try await _ in socket.inbound {}
            closed.fulfil(socket.closedWith)
        }
        try await withServer(upgrade: upgrade) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                try await socket.close(code: 4001, reason: "enough")
                for try await _ in socket.inbound {}
                #expect(socket.closedWith == WebSocket.Close(code: 4001, reason: "enough"))
            }
            #expect(await closed.value() == WebSocket.Close(code: 4001, reason: "enough"))
        }
    }

    @Test func `the client learns the code and the reason of the server`() async throws {
        let upgrade = accepting { socket in
            try await socket.send(text: ByteBuffer(string: "last words"))
            try await socket.close(code: 4002, reason: String(repeating: "ä", count: 100))
            for try await _ in socket.inbound {}
        }
        try await withServer(upgrade: upgrade) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                var messages: [WebSocket.Message] = []
                for try await message in socket.inbound { messages.append(message) }
                #expect(messages == [.text(ByteBuffer(string: "last words"))])
                #expect(socket.closedWith == WebSocket.Close(code: 4002, reason: String(repeating: "ä", count: 61)))
                await #expect(throws: WebSocketError(.closed)) {
                    try await socket.send(text: ByteBuffer(string: "too late"))
                }
            }
        }
    }

    @Test func `a closure that returns closes with 1000, one that throws with 1011`() async throws {
        struct Failure: Error {}
        let codes = Promised<UInt16?>()
        let upgrade = accepting { socket in
            for try await _ in socket.inbound {}
            codes.fulfil(socket.closedWith?.code)
        }
        try await withServer(upgrade: upgrade) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { _ in }
            #expect(await codes.value() == 1000)
            await #expect(throws: Failure.self) {
                try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { _ in throw Failure() }
            }
            #expect(await codes.value() == 1011)
        }
    }

    @Test func `a server that stops waits for no connection without a request`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, shutDown in
            let silent = try await RawPeer.connect(port: port)
            // Accepted after the silent one: so that one is in the server's hands.
            let second = try await RawPeer.connect(port: port)
            try await second.send("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
            var answer = second.reader()
            #expect(try await answer.head().hasPrefix("HTTP/1.1 200"))
            await shutDown()
            var reader = silent.reader()
            #expect(await reader.rest() == "")
        }
    }

    @Test func `an abort is seen at once, without a close`() async throws {
        let ended = Promised<WebSocket.Close?>()
        let upgrade = accepting { socket in
            for try await _ in socket.inbound {}
            ended.fulfil(socket.closedWith)
        }
        try await withServer(upgrade: upgrade) { port, _ in
            let start = ContinuousClock.now
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                socket.abort()
                for try await _ in socket.inbound {}
                #expect(socket.closedWith == nil)
            }
            let close = try #require(await ended.value())
            #expect(close == nil)
            #expect(.now - start < .milliseconds(900))
        }
    }

    @Test func `an abort of the server is seen by the client`() async throws {
        try await withServer(upgrade: accepting { $0.abort() }) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                for try await _ in socket.inbound {}
                #expect(socket.closedWith == nil)
            }
        }
    }

    @Test func `a peer that does not answer the close is left after a second`() async throws {
        let upgrade = accepting { socket in
            try await socket.close(code: 1000, reason: "")
            for try await _ in socket.inbound {}
        }
        try await withServer(upgrade: upgrade) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            var reader = try await peer.upgrade()
            let close = try #require(await reader.frame())
            #expect(close.first == 0x88)
            let start = ContinuousClock.now
            #expect(await reader.frame() == nil)
            #expect(.now - start < .seconds(5))
        }
    }

    @Test func `a message over the limit ends the socket with 1009`() async throws {
        let failed = Promised<WebSocketError?>()
        let upgrade = accepting { socket in
            do {
                for try await _ in socket.inbound {}
                failed.fulfil(nil)
            } catch {
                failed.fulfil(error as? WebSocketError)
            }
        }
        try await withServer(maxMessageBytes: 1_000, upgrade: upgrade) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                try await socket.send(text: ByteBuffer(repeating: 0x61, count: 1_001))
                for try await _ in socket.inbound {}
                #expect(socket.closedWith?.code == 1009)
            }
            #expect(await failed.value() == WebSocketError(.messageTooLarge))
        }
    }

    @Test(
        arguments: [
            [0x81, 0x01, 0x61],  // not masked
            [0xc1, 0x81, 0, 0, 0, 0, 0x61],  // a reserved bit
            [0x83, 0x80, 0, 0, 0, 0],  // an opcode that does not exist
            [0x80, 0x81, 0, 0, 0, 0, 0x61],  // a continuation of nothing
            [0x09, 0x80, 0, 0, 0, 0],  // a fragmented ping
            [0x88, 0x81, 0, 0, 0, 0, 0x03],  // half a close code
            [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xee],  // close code 1006
        ] as [[UInt8]]
    )
    func `a broken rule ends the socket with 1002`(bytes: [UInt8]) async throws {
        let failed = Promised<WebSocketError.Code?>()
        let upgrade = accepting { socket in
            do {
                for try await _ in socket.inbound {}
                failed.fulfil(nil)
            } catch {
                failed.fulfil((error as? WebSocketError)?.code)
            }
        }
        try await withServer(upgrade: upgrade) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            var reader = try await peer.upgrade()
            try await peer.send(bytes)
            let close = try #require(await reader.frame())
            #expect(close.first == 0x88 && close.payload.prefix(2) == [0x03, 0xea])
            #expect(await reader.frame() == nil)
            #expect(await failed.value() == .protocolViolation)
        }
    }

    @Test func `a graceful shutdown closes an open socket with 1001 at once`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, shutDown in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                let start = ContinuousClock.now
                await shutDown()
                for try await _ in socket.inbound {}
                #expect(socket.closedWith?.code == 1001)
                #expect(.now - start < .seconds(2))
            }
        }
    }

    @Test func `a draining server lets its sockets finish`() async throws {
        try await withServer(drain: .seconds(50), upgrade: accepting(echo)) { port, shutDown in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                await shutDown()
                try await socket.send(text: ByteBuffer(string: "still there?"))
                var inbound = socket.inbound.makeAsyncIterator()
                #expect(try await inbound.next() == .text(ByteBuffer(string: "still there?")))
            }
        }
    }
}
