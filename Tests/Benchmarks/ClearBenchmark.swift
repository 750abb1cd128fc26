import ArgumentParser
import CallEvents
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TwilioIngress
import WebSockets

/// `voice-bench clear`: how long a `clear` takes from the record that asks for it to the peer of a real socket, while
/// minutes of audio wait for that socket. One peer reads as fast as it can, one reads slowly.
struct ClearBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear",
        abstract: "From the consumed record to the clear at Twilio's end, with minutes of audio queued."
    )

    @Option(help: "Clears of each peer.") var rounds = 200
    @Option(help: "Seconds of audio queued before each clear, at most 115.") var seconds = 100
    @Option(help: "What the slow peer reads in a second, in KiB; 20 are real time.") var rate = 200
    @Flag(help: "Fail when the 99th percentile of the fast peer is above 5 ms.") var check = false

    func run() async throws {
        let fast = try await self.measure(bytesPerSecond: nil)
        fast.report("clear.fast_reader")
        try await self.measure(bytesPerSecond: self.rate << 10).report("clear.slow_reader")
        if self.check, fast.microseconds(99) > 5_000 { throw ExitCode.failure }
    }

    private func measure(bytesPerSecond: Int?) async throws -> Delays {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let (delays, done) = AsyncStream.makeStream(of: Delays.self)
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            router: Router(),
            logger: logger,
            onBound: { bound.yield($0) },
            upgrade: { _ in .accept { done.yield(await ClearRun(self, $0).run()) } }
        )
        let group = ServiceGroup(services: [server], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            let peer = try await ClearPeer.connect(port: port, bytesPerSecond: bytesPerSecond)
            var results = delays.makeAsyncIterator()
            let result = await results.next() ?? Delays()
            try? await peer.close()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }
}

/// The server's side: queues audio, asks for a clear, and waits until the peer has it.
private struct ClearRun {
    let benchmark: ClearBenchmark
    let socket: WebSocket

    init(_ benchmark: ClearBenchmark, _ socket: WebSocket) {
        self.benchmark = benchmark
        self.socket = socket
    }

    func run() async -> Delays {
        let feed = self.socket.feed(limit: MediaStream.bytesInFlight)
        let stream = BenchCall.stream(link: .init(wake: { feed.wake($0) }))
        var delays = Delays()
        var sequence: UInt64 = 0
        var messages = self.socket.inbound.makeAsyncIterator()
        for round in 0..<self.benchmark.rounds {
            let epoch = UInt32(round)
            for _ in 0..<self.benchmark.seconds * 50 {
                BenchCall.offer(BenchCall.record(sequence: sequence, playoutEpoch: epoch), to: stream)
                sequence += 1
            }
            stream.wake()
            // Some of it is on its way: the socket is as full as it gets, or the fast peer in the middle of it.
            try? await Task.sleep(for: .milliseconds(2))
            let consumedAt = Clock.nanoseconds
            BenchCall.offer(BenchCall.record(sequence: 0, playoutEpoch: epoch + 1, control: .clear), to: stream)
            stream.wake()
            // The peer says when it saw the clear, by the clock of this machine.
            guard case .text(let text)? = try? await messages.next(), let seenAt = UInt64(String(buffer: text)) else {
                break
            }
            delays.add(seenAt - consumedAt)
        }
        return delays
    }
}

private struct Delays: Sendable {
    private var nanoseconds: [UInt64] = []

    mutating func add(_ delay: UInt64) { self.nanoseconds.append(delay) }

    func microseconds(_ percent: Int) -> UInt64 {
        let sorted = self.nanoseconds.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)] / 1_000
    }

    /// One JSON line.
    func report(_ name: String) {
        print(
            "{\"case\":\"\(name)\",\"clears\":\(self.nanoseconds.count),\"us_p50\":\(self.microseconds(50)),"
                + "\"us_p99\":\(self.microseconds(99)),\"us_max\":\(self.microseconds(100))}"
        )
    }
}

/// Twilio's end: reads at its own speed, and tells of each clear when it was read.
private final class ClearPeer: ChannelInboundHandler, @unchecked Sendable {
    // Confined to its channel's event loop.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let chunk = 4 << 10
    private static let clear = Array(#""event":"clear""#.utf8)
    private static let fastChunk = 256 << 10

    private let interval: TimeAmount?
    /// What was not searched whole: a clear may come in two parts.
    private var unread = ByteBuffer()

    private init(bytesPerSecond: Int?) {
        self.interval = bytesPerSecond.map { .nanoseconds(Int64(Self.chunk) * 1_000_000_000 / Int64($0)) }
    }

    static func connect(port: Int, bytesPerSecond: Int?) async throws -> any Channel {
        let peer = ClearPeer(bytesPerSecond: bytesPerSecond)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
            .channelOption(.autoRead, value: bytesPerSecond == nil)
            .channelOption(.socketOption(.so_rcvbuf), value: .init(bytesPerSecond == nil ? Self.fastChunk : Self.chunk))
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: bytesPerSecond == nil ? Self.fastChunk : Self.chunk)
            )
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) }
            }
            .connect(host: "127.0.0.1", port: port)
            .get()
        let request =
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: request)).get()
        return channel
    }

    func channelActive(context: ChannelHandlerContext) {
        if self.interval != nil { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.unread.writeImmutableBuffer(Self.unwrapInboundIn(data))
        while let end = self.endOfClear() {
            self.unread.moveReaderIndex(forwardBy: end)
            self.tell(Clock.nanoseconds, context)
        }
        self.unread.moveReaderIndex(forwardBy: max(0, self.unread.readableBytes - Self.clear.count + 1))
        self.unread.discardReadBytes()
    }

    private func endOfClear() -> Int? {
        self.unread.withUnsafeReadableBytes { bytes in
            var at = 0
            while at + Self.clear.count <= bytes.count {
                // A quotation mark begins it, and there are few in a message.
                if bytes[at] == Self.clear[0], bytes[at..<at + Self.clear.count].elementsEqual(Self.clear) {
                    return at + Self.clear.count
                }
                at += 1
            }
            return nil
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard let interval = self.interval else { return }
        let channel = context.channel
        context.eventLoop.scheduleTask(in: interval) { channel.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func tell(_ time: UInt64, _ context: ChannelHandlerContext) {
        let text = String(time)
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0x81))
        frame.writeInteger(0x80 | UInt8(text.utf8.count))
        // A mask of zeros.
        frame.writeInteger(UInt32(0))
        frame.writeString(text)
        context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
    }
}
