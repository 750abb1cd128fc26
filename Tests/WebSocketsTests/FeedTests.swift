import NIOCore
import NIOPosix
import Synchronization
import Testing
import WebSockets

/// Numbered messages of a fixed size, and how many were taken.
private final class Numbers: WebSocketSource {
    private struct State {
        var waiting: [Int] = []
        var taken = 0
    }

    private let size: Int
    private let state = Mutex(State())

    init(size: Int) {
        self.size = size
    }

    var taken: Int { self.state.withLock { $0.taken } }

    /// Waits until some were taken and no more are for a while; returns how many.
    func settled() async throws -> Int {
        var last = 0
        var since = ContinuousClock.now
        while last == 0 || .now - since < .milliseconds(300) {
            try await Task.sleep(for: .milliseconds(10))
            let taken = self.taken
            if taken != last { (last, since) = (taken, .now) }
        }
        return last
    }

    func add(_ numbers: some Sequence<Int>) {
        self.state.withLock { $0.waiting += numbers }
    }

    func replace(with number: Int) {
        self.state.withLock { $0.waiting = [number] }
    }

    func fill(_ batch: inout WebSocket.Batch) {
        self.state.withLock { state in
            var sent = 0
            while batch.hasRoom, sent < state.waiting.count {
                var text = ByteBuffer(string: String(state.waiting[sent]))
                text.writeRepeatingByte(0x20, count: self.size - text.readableBytes)
                batch.append(text: text)
                sent += 1
            }
            state.waiting.removeFirst(sent)
            state.taken += sent
        }
    }
}

extension WebSocket.Message {
    fileprivate var number: Int? {
        guard case .text(let text) = self else { return nil }
        return Int(String(buffer: text).prefix { $0 != " " })
    }
}

@Suite(.timeLimit(.minutes(1)))
struct FeedTests {
    @Test func `what a source has arrives whole and in order, however it is woken`() async throws {
        let total = 20_000
        try await withServer(
            upgrade: accepting { socket in
                let source = Numbers(size: 350)
                let feed = socket.feed(limit: 4_096)
                for start in stride(from: 0, to: total, by: 50) {
                    source.add(start..<start + 50)
                    feed.wake(source)
                    feed.wake(source)
                }
                for try await _ in socket.inbound {}
            }
        ) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                var expected = 0
                for try await message in socket.inbound {
                    guard message.number == expected else { break }
                    expected += 1
                    if expected == total { break }
                }
                #expect(expected == total)
            }
        }
    }

    @Test func `a peer that reads nothing is given little, and what overtakes comes right behind it`() async throws {
        let source = Numbers(size: 100)
        let (stalled, replaced) = (Promised<Int>(), Promised<Bool>())
        try await withServer(
            upgrade: accepting { socket in
                var inbound = socket.inbound.makeAsyncIterator()
                _ = try await inbound.next()
                let feed = socket.feed(limit: 4_096)
                source.add(0..<100_000)
                feed.wake(source)
                stalled.fulfil(try await source.settled())
                source.replace(with: -1)
                feed.wake(source)
                replaced.fulfil(true)
                _ = try await inbound.next()
            }
        ) { port, _ in
            let peer = try await RawPeer.connect(port: port, receiveBuffer: 8 << 10)
            var reader = try await peer.upgrade()
            try await peer.read(false)
            try await peer.send(maskedFrame(first: 0x81, Array("go".utf8)))
            let taken = try #require(await stalled.value())
            // The peer's kernel, and ours, which without a limit would have taken megabytes.
            #expect(taken > 0 && taken * 102 < 128 << 10)
            #expect(await replaced.value() == true)
            try await peer.read(true)
            var arrived = 0
            while let frame = await reader.frame(), !frame.payload.starts(with: "-1 ".utf8) { arrived += 1 }
            #expect(arrived == taken)
            try await peer.channel.close().get()
        }
    }

    @Test func `a source outlives its socket without harm`() async throws {
        let source = Numbers(size: 350)
        let feeds = Promised<WebSocketFeed>()
        try await withServer(
            upgrade: accepting { socket in
                feeds.fulfil(socket.feed(limit: 4_096))
                for try await _ in socket.inbound {}
            }
        ) { port, _ in
            try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { $0.abort() }
            let feed = try #require(await feeds.value())
            source.add(0..<100_000)
            for _ in 0..<100 { feed.wake(source) }
        }
    }
}
