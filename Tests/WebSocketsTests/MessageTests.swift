import NIOCore
import NIOPosix
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct MessageTests {
    @Test(arguments: [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 700_000])
    func `a message of any size comes back as it was sent`(size: Int) async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let text = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: 32 + $0 % 95) })
            let answers = try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                try await socket.send(text: text)
                try await socket.send(binary: text)
                var inbound = socket.inbound.makeAsyncIterator()
                return [try await inbound.next(), try await inbound.next()]
            }
            #expect(answers == [.text(text), .binary(text)])
        }
    }

    @Test(arguments: [true, false])
    func `an owner and its child tasks run on the event loop where that is asked for`(asked: Bool) async throws {
        let answer = { @Sendable (socket: WebSocket) async throws in
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask {
                    for try await _ in socket.inbound {
                        let isOnLoop = MultiThreadedEventLoopGroup.currentEventLoop != nil
                        try await socket.send(text: ByteBuffer(string: "\(isOnLoop)"))
                    }
                }
            }
        }
        try await withServer(webSocketsOnEventLoop: asked, upgrade: accepting(answer)) { port, _ in
            let answers = try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                var inbound = socket.inbound.makeAsyncIterator()
                var answers: [WebSocket.Message?] = []
                for _ in 0..<3 {
                    try await socket.send(text: ByteBuffer(string: "where?"))
                    answers.append(try await inbound.next())
                }
                return answers
            }
            #expect(answers == Array(repeating: .text(ByteBuffer(string: "\(asked)")), count: 3))
        }
    }

    @Test func `a batch arrives whole and in order`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let batch = (0..<2_000).map { ByteBuffer(string: "message \($0)") }
            let answers = try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await socket.send(texts: batch) }
                    var answers: [WebSocket.Message] = []
                    for try await message in socket.inbound {
                        answers.append(message)
                        if answers.count == batch.count { break }
                    }
                    try await group.waitForAll()
                    return answers
                }
            }
            #expect(answers == batch.map { .text($0) })
        }
    }

    @Test func `fragments are joined, with a ping answered between them`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            let peer = try await RawPeer.connect(port: port)
            var reader = try await peer.upgrade()
            try await peer.send(maskedFrame(first: 0x01, Array("frag".utf8)))
            try await peer.send(maskedFrame(first: 0x89, Array("ping".utf8)))
            try await peer.send(maskedFrame(first: 0x80, Array("ments".utf8)))
            let pong = try #require(await reader.frame())
            #expect(pong.first == 0x8a && pong.payload == Array("ping".utf8))
            let text = try #require(await reader.frame())
            #expect(text.first == 0x81 && text.payload == Array("fragments".utf8))
        }
    }

    @Test func `a pong counts as a sign of life`() async throws {
        try await withServer(upgrade: accepting(echo)) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                let before = ContinuousClock.now
                try await socket.sendPing()
                while socket.lastHeard <= before { await Task.yield() }
            }
        }
    }

    @Test func `a server that speaks first, in the packet of its 101, is heard`() async throws {
        let upgrade = accepting { socket in
            try await socket.send(text: ByteBuffer(string: "hello"))
            for try await _ in socket.inbound {}
        }
        try await withServer(upgrade: upgrade) { port, _ in
            for _ in 0..<50 {
                let first = try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                    var inbound = socket.inbound.makeAsyncIterator()
                    return try await inbound.next()
                }
                #expect(first == .text(ByteBuffer(string: "hello")))
            }
        }
    }

    @Test func `a sender waits while the peer does not read, and goes on when it does`() async throws {
        let release = Promised<Void>()
        let counted = Promised<Int>()
        let upgrade = accepting { socket in
            _ = await release.value()
            var count = 0
            for try await _ in socket.inbound { count += 1 }
            counted.fulfil(count)
        }
        try await withServer(upgrade: upgrade) { port, _ in
            let sent = Counter()
            let total = 1_000
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                let message = ByteBuffer(repeating: 0x61, count: 100_000)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for _ in 0..<total {
                            try await socket.send(text: message)
                            sent.increment()
                        }
                    }
                    let stalledAt = try await sent.stalled()
                    #expect(stalledAt < total)
                    release.fulfil(())
                    try await group.waitForAll()
                }
            }
            #expect(await counted.value() == total)
        }
    }

    @Test func `a sender that waits can be cancelled`() async throws {
        let release = Promised<Void>()
        try await withServer(upgrade: accepting { _ in _ = await release.value() }) { port, _ in
            let sent = Counter()
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                let message = ByteBuffer(repeating: 0x61, count: 100_000)
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            while true {
                                try await socket.send(text: message)
                                sent.increment()
                            }
                        } catch {
                            return error is CancellationError
                        }
                    }
                    _ = try? await sent.stalled()
                    group.cancelAll()
                    #expect(await group.next() == true)
                }
            }
            release.fulfil(())
        }
    }
}
