import CallEvents
import Foundation
import Kafka
import NIOCore
import ResultsSink
import ResultsStore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import Synchronization
import TestSupport

/// A broker, a database file, and a sink between them.
struct Deployment {
    static let callSid = "CA0123456789abcdef0123456789abcdef"

    let broker: EmbeddedBroker
    let directory: URL
    private let producer: KafkaProducer
    private let outside: RunningServices

    init() throws {
        self.broker = try EmbeddedBroker(partitions: 2)
        self.directory = FileManager.default.temporaryDirectory.appending(path: "sink-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        self.producer = try KafkaProducer(
            .events,
            configuration: self.broker.configuration(instanceID: "outside"),
            logger: .quiet
        )
        self.outside = RunningServices([self.producer])
    }

    func end() async {
        await self.outside.crash()
        self.broker.stop()
        try? FileManager.default.removeItem(at: self.directory)
    }

    var database: DatabaseURL { get throws { try DatabaseURL("sqlite:///\(self.directory.path)/results.sqlite") } }

    struct Sink {
        var running: RunningServices
        var health: Health
        var port: Int
    }

    func startSink(
        _ store: (any ResultsStore)? = nil,
        tokens: [String] = [],
        origins: Set<String> = [],
        instanceID: String = "k1"
    ) async throws -> Sink {
        let health = Health()
        let bound = BoundPort()
        let services = try ResultsSinkStage.services(
            ResultsSinkStage.Configuration(
                database: try self.database,
                httpHost: "127.0.0.1",
                httpPort: 0,
                tokens: APITokens(accepting: tokens),
                origins: AllowedOrigins(origins)
            ),
            store: try store ?? DatabaseStore(self.database, busyTimeout: 0.05),
            context: StageContext(
                stage: ResultsSinkStage.name,
                instanceID: instanceID,
                topics: self.broker.topics,
                kafka: self.broker.configuration(instanceID: instanceID),
                logger: .quiet,
                health: health
            ),
            onBound: { port in bound.value.withLock { $0 = port } }
        )
        let running = RunningServices(services)
        let taken = try await eventually("the sink listens", timeout: .seconds(40)) { bound.value.withLock { $0 } }
        return Sink(running: running, health: health, port: taken)
    }

    func write(_ topic: Topic, _ value: ByteBuffer, of callSid: String = Self.callSid) async throws {
        let key = ByteBuffer(string: callSid)
        try await self.producer.deliver([KafkaMessage(topic: self.broker.topics[topic], key: key, value: value)])
    }

    func write(
        _ bodies: CallEvent.OneOf_Body...,
        of callSid: String = Self.callSid,
        atUs: Int64 = 1_700_000_000_000_000
    ) async throws {
        for body in bodies {
            let event = CallEvent.with {
                $0.callSid = callSid
                $0.occurredAtUs = atUs
                $0.body = body
            }
            try await self.write(.events, ByteBuffer(bytes: try event.serializedBytes() as [UInt8]), of: callSid)
        }
    }

    func write(_ update: LiveUpdate) async throws {
        var update = update
        update.callSid = Self.callSid
        try await self.write(.live, ByteBuffer(bytes: try update.serializedBytes() as [UInt8]))
    }

    func write(_ quote: Quote) async throws {
        try await self.write(.resultsQuotes, ByteBuffer(string: try quote.jsonString()))
    }
}

private final class BoundPort: Sendable {
    let value = Mutex<Int?>(nil)
}

extension Quote {
    static let service = Quote.with {
        $0.quoteID = "\(Deployment.callSid).c1"
        $0.callSid = Deployment.callSid
        $0.requestID = "req-1"
        $0.price = "45.00"
        $0.currency = "USD"
        $0.details = "service"
        $0.availability = "tomorrow afternoon"
        $0.agent = "main_concierge"
        $0.quotedAt = "2023-11-14T22:13:20.000Z"
    }
}
