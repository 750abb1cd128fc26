import NIOCore
import NIOPosix
import Synchronization

/// Twilio's ends of all streams, on few event loops, each of which sends its streams' frames in turn.
struct PhoneSide: Sendable {
    private let load: StreamLoad
    private let loops: [PhoneLoop]
    private let group: MultiThreadedEventLoopGroup

    /// Opens the streams.
    init(_ call: PhoneStream.Call, port: Int, threads: Int) async throws {
        self.load = call.load
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var loops: [PhoneLoop] = []
        for thread in 0..<threads {
            let loop = PhoneLoop(on: self.group.next(), load: call.load, thread: thread, threads: threads)
            try await loop.open(call, port: port)
            loops.append(loop)
        }
        self.loops = loops
    }

    /// Sends every frame when it is due.
    /// - Parameter start: of `Clock.nanoseconds`.
    func speak(from start: UInt64) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for loop in self.loops {
                group.addTask { try await loop.speak(from: start).get() }
            }
        }
    }

    /// How late frames were sent.
    var lateness: Latencies {
        get async throws {
            var all = Latencies()
            for loop in self.loops { all.add(try await loop.lateness.get()) }
            return all
        }
    }

    /// Ends the calls.
    func close() async throws {
        for loop in self.loops { try await loop.close().get() }
        try await self.group.shutdownGracefully()
    }
}

/// The streams of one event loop. `@unchecked Sendable`: its state is used on the loop only.
private final class PhoneLoop: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private let load: StreamLoad
    private let numbers: [Int]
    private var streams: [PhoneStream] = []
    private var channels: [any Channel] = []
    private var next = 0
    private var late = Latencies()

    /// - Parameter thread: of `threads`, has every so manieth stream.
    init(on eventLoop: any EventLoop, load: StreamLoad, thread: Int, threads: Int) {
        self.eventLoop = eventLoop
        self.load = load
        self.numbers = Array(stride(from: thread, to: load.streams, by: threads))
    }

    /// One after the other, as calls come.
    func open(_ call: PhoneStream.Call, port: Int) async throws {
        for number in self.numbers {
            let opened = self.eventLoop.makePromise(of: Void.self)
            _ = ClientBootstrap(group: self.eventLoop)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let stream = PhoneStream(number, of: call, opened: opened)
                        self.streams.append(stream)
                        self.channels.append(channel)
                        try channel.pipeline.syncOperations.addHandler(stream)
                    }
                }
                .connect(host: "127.0.0.1", port: port)
                .map { _ in }
                .flatMapErrorThrowing { error in
                    opened.fail(error)
                    throw error
                }
            try await opened.futureResult.get()
        }
    }

    func speak(from start: UInt64) -> EventLoopFuture<Void> {
        let done = self.eventLoop.makePromise(of: Void.self)
        self.eventLoop.execute {
            self.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { task in
                if self.tick(from: start) { return }
                task.cancel()
                done.succeed()
            }
        }
        return done.futureResult
    }

    /// - Returns: whether there is more to send.
    private func tick(from start: UInt64) -> Bool {
        let total = self.load.frames * self.streams.count
        while self.next < total {
            let due = start + StreamLoad.due(self.next, streams: self.streams.count)
            let now = Clock.nanoseconds
            guard due <= now else { return true }
            self.late.add(from: due, to: now)
            self.streams[self.next % self.streams.count].speak(frame: self.next / self.streams.count)
            self.next += 1
        }
        return false
    }

    var lateness: EventLoopFuture<Latencies> { self.eventLoop.submit { self.late } }

    func close() -> EventLoopFuture<Void> {
        self.eventLoop.flatSubmit {
            for stream in self.streams { stream.stop() }
            return EventLoopFuture.andAllComplete(self.channels.map(\.closeFuture), on: self.eventLoop)
        }
    }
}
