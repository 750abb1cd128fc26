import AsyncHTTPClient
import CallEvents
import Foundation
import Kafka
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

/// 10,000 random and mutated messages and requests at a running ingress: it answers, and the call next to them does
/// not notice. `FUZZ_SEED` repeats a run.
@Suite(.timeLimit(.minutes(5))) struct FuzzTests {
    private static let streamMessages = 5_000
    private static let requests = 4_000
    private static let rawRequests = 1_000
    private static let workers: UInt64 = 1

    @Test func `garbage on sockets and routes is answered and disturbs no call`() async throws {
        let seed =
            ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...999_999)
        print("FUZZ_SEED=\(seed)")
        try await Ingress.run { ingress in
            let neighbour = NeighbourCall(ingress.with(callSid: .random()))
            try await neighbour.during {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in 0..<Self.workers {
                        let base = seed &* 1_000 &+ worker &* 10
                        group.addTask { try await Self.fuzzStreams(ingress, Mutation(seed: base)) }
                        group.addTask { try await Self.fuzzRequests(ingress, Mutation(seed: base &+ 1), seed) }
                        group.addTask { try await Self.fuzzConnections(ingress, Mutation(seed: base &+ 2), seed) }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(try await ingress.send(.GET, "/api/voice/stream").status == 426)
        }
    }

    /// Streams of calls of their own, most with a valid start.
    private static func fuzzStreams(_ ingress: Ingress, _ seeded: Mutation) async throws {
        var mutation = seeded
        var left = Self.streamMessages / Int(Self.workers)
        while left > 0 {
            let call = ingress.with(callSid: .random())
            let messages = (0..<min(left, 100)).map { mutation.streamMessage(UInt64($0) + 1) }
            let binary = messages.map { _ in mutation.chance(2) }
            let begins = mutation.chance(90)
            left -= messages.count
            try await call.connect { line in
                // The ingress may close at any of them.
                if begins { try? await line.start(token: call.token(), callSid: call.callSid) }
                for (message, isBinary) in zip(messages, binary) {
                    if line.isClosed { break }
                    let bytes = ByteBuffer(bytes: message)
                    if isBinary {
                        try? await line.socket.send(binary: bytes)
                    } else {
                        try? await line.socket.send(text: bytes)
                    }
                }
            }
        }
    }

    private static func fuzzRequests(_ ingress: Ingress, _ seeded: Mutation, _ seed: UInt64) async throws {
        var mutation = seeded
        for _ in 0..<Self.requests / Int(Self.workers) {
            let made = mutation.request()
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(ingress.port)\(made.path)")
            request.method = made.method
            request.headers = made.headers
            // One connection each: the ingress may close one on which something strange came.
            request.headers.add(name: "connection", value: "close")
            if made.method == .POST || made.method == .PUT { request.body = .bytes(ByteBuffer(bytes: made.body)) }
            let response = try await ingress.http.execute(request, timeout: .seconds(60))
            #expect(response.status.code < 500, "\(made.method) \(made.path), seed \(seed)")
            _ = try await response.body.collect(upTo: 1 << 20)
        }
    }

    private static func fuzzConnections(_ ingress: Ingress, _ seeded: Mutation, _ seed: UInt64) async throws {
        var mutation = seeded
        for _ in 0..<Self.rawRequests / Int(Self.workers) {
            let connection = try await RawConnection.open(port: ingress.port)
            // It may be closed at the first byte.
            try? await connection.send(ByteBuffer(bytes: mutation.rawRequest()))
            await connection.endSending()
            try await eventually("the connection's end") { connection.isClosed }
            let answer = String(buffer: connection.received)
            let status = answer.prefix { $0 != "\r\n" }
            #expect(!status.hasPrefix("HTTP/1.1 5") && !status.hasPrefix("HTTP/1.0 5"), "seed \(seed)")
        }
    }
}

/// A call in real time, of which every frame is told from all others.
private final class NeighbourCall: Sendable {
    private let call: Ingress
    private let heard = Mutex<[AudioFrame]>([])
    private let isOver = Atomic(false)

    init(_ call: Ingress) {
        self.call = call
    }

    /// Both sides talk from before `work` until after it; then what arrived is compared with what was said.
    func during(_ work: @Sendable () async throws -> Void) async throws {
        let topic = KafkaTopicPartition(
            topic: self.call.topics[.audioInboundPhone],
            partition: KeyPartition.of(self.call.callSid.rawValue, count: self.call.topics.partitions)
        )
        let configuration = self.call.broker.configuration(instanceID: "fuzz-neighbour")
        let reader = try KafkaPartitionReader(
            topic,
            from: .edge(.end),
            readCommitted: false,
            configuration: configuration,
            logger: .quiet
        )
        try await reader.positioned(timeout: .seconds(60))
        try await self.call.call { line in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask {
                    try await self.listen(reader)
                    return nil
                }
                group.addTask { try await self.speak(line) }
                try await work()
                self.isOver.store(true, ordering: .relaxed)
                let count = try #require(try await group.next() ?? nil)
                try await eventually("all that was said") { self.numbersHeard.count >= count }
                try await eventually("all that was answered") { line.audio.count >= count }
                #expect(self.numbersHeard == Array(0..<count))
                #expect(Self.numbers(line.audio) == Array(0..<count))
                #expect(!line.isClosed && !line.commands.contains(.clear))
                group.cancelAll()
            }
        }
        let sequence = self.heard.withLock { $0.map(\.sequence) }
        #expect(sequence == (0..<UInt64(sequence.count)).map { $0 })
    }

    private var numbersHeard: [Int] { Self.numbers(self.heard.withLock { $0.map(\.payload) }) }

    private func listen(_ reader: KafkaPartitionReader) async throws {
        let key = ByteBuffer(string: self.call.callSid.rawValue)
        for try await batch in reader {
            let values = batch.filter { $0.key == key }.compactMap(\.value)
            let frames = try values.map { try AudioFrame(record: $0) }
            self.heard.withLock { $0 += frames }
        }
    }

    /// 20 ms of the caller and of the agent every 20 ms.
    /// - Returns: how many.
    private func speak(_ line: PhoneLine) async throws -> Int {
        let producer = try KafkaProducer(
            .audio,
            configuration: self.call.broker.configuration(instanceID: "fuzz-agent"),
            logger: .quiet
        )
        var next = ContinuousClock.now
        var count = 0
        var speech = SpeechMaker()
        while !self.isOver.load(ordering: .relaxed) || count < 50 {
            try await line.speak(Self.payload(count), atMs: UInt64(count) * 20)
            var frame = speech.frame(.none, "item")
            frame.payload = Self.payload(count)
            var value = ByteBuffer()
            frame.write(to: &value)
            #expect(try producer.send(self.call.outbound(value)) == .accepted)
            count += 1
            next += .milliseconds(20)
            try await Task.sleep(until: next)
        }
        return count
    }

    private static func payload(_ number: Int) -> ByteBuffer {
        var payload = ByteBuffer(integer: UInt32(number))
        payload.writeRepeatingByte(0x2a, count: 156)
        return payload
    }

    /// Without the silence that is made when this machine is too busy for real time.
    private static func numbers(_ payloads: [ByteBuffer]) -> [Int] {
        payloads.compactMap { payload in
            guard payload.readableBytesView.last == 0x2a else { return nil }
            return payload.getInteger(at: payload.readerIndex, as: UInt32.self).map { Int($0) }
        }
    }
}
