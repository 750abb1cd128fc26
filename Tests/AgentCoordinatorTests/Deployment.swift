import AgentCoordinator
import Agents
import CallEvents
import Kafka
import NIOCore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import TestSupport

/// A broker, a coordinator on it, and what stands around them.
struct Deployment {
    static let callSid = "CA0123456789abcdef0123456789abcdef"

    let broker: EmbeddedBroker
    private let producer: KafkaProducer
    private let outside: RunningServices

    init() throws {
        self.broker = try EmbeddedBroker(partitions: 2)
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
    }

    func startCoordinator(
        _ health: Health = Health(),
        configuration: AgentCoordinatorStage.Configuration? = nil
    ) throws -> RunningServices {
        RunningServices(
            try AgentCoordinatorStage.services(
                try configuration ?? AgentCoordinatorStage.Configuration(agents: AgentBook.builtIn()),
                context: StageContext(
                    stage: AgentCoordinatorStage.name,
                    instanceID: "c1",
                    topics: self.broker.topics,
                    kafka: self.broker.configuration(instanceID: "c1"),
                    logger: .quiet,
                    health: health
                )
            )
        )
    }

    /// Writes facts of the call, each under an id of its own.
    /// - Returns: their offsets.
    @discardableResult
    func write(
        _ bodies: CallEvent.OneOf_Body...,
        session: Int64 = 0,
        of callSid: String = Self.callSid,
        atUs: Int64 = 1_700_000_000_000_000
    ) async throws -> [Int64] {
        var offsets: [Int64] = []
        for body in bodies {
            let event = CallEvent.with {
                $0.eventID = "\(body)"
                $0.callSid = callSid
                $0.occurredAtUs = atUs
                $0.sessionEpoch = session
                $0.body = body
            }
            offsets += try await self.write(ByteBuffer(bytes: try event.serializedBytes() as [UInt8]), of: callSid)
        }
        return offsets
    }

    @discardableResult
    func write(_ value: ByteBuffer, of callSid: String = Self.callSid) async throws -> [Int64] {
        let message = KafkaMessage(
            topic: self.broker.topics[.events],
            key: ByteBuffer(string: callSid),
            value: value
        )
        return try await self.producer.deliver([message]).map(\.offset)
    }

    func repeatRecord(_ record: KafkaRecord) async throws {
        let key = ByteBuffer(string: Self.callSid)
        let message = KafkaMessage(topic: record.topic, key: key, value: record.value, headers: record.headers)
        try await self.producer.deliver([message])
    }

    /// What a topic holds of the call, when it is enough.
    func records(
        of topic: Topic,
        atLeast count: Int,
        of callSid: String = Self.callSid
    ) async throws -> [KafkaRecord] {
        let partition = KeyPartition.of(callSid, count: self.broker.topics.partitions)
        let key = ByteBuffer(string: callSid)
        return try await eventually("\(count) records on \(topic.rawValue)", timeout: .seconds(40)) {
            let records = try await self.broker.records(in: self.broker.topics[topic], partition: partition)
                .filter { $0.key == key }
            return records.count >= count ? records : nil
        }
    }

    func commands(atLeast count: Int, of callSid: String = Self.callSid) async throws -> [CallCommand] {
        try await self.records(of: .commands, atLeast: count, of: callSid).map {
            try CallCommand(serializedBytes: Array($0.value?.readableBytesView ?? ByteBuffer().readableBytesView))
        }
    }

    func events(atLeast count: Int, of callSid: String = Self.callSid) async throws -> [CallEvent] {
        try await self.records(of: .events, atLeast: count, of: callSid).map {
            try CallEvent(key: $0.key, value: $0.value)
        }
    }

    /// The quotes of the call, when there is one.
    func quotes() async throws -> [(record: KafkaRecord, quote: Quote)] {
        try await self.records(of: .resultsQuotes, atLeast: 1).map {
            ($0, try Quote(jsonUTF8Bytes: Array($0.value?.readableBytesView ?? ByteBuffer().readableBytesView)))
        }
    }
}

extension CallEvent.OneOf_Body {
    static let requested = Self.requested(
        .with {
            $0.requestID = "req-1"
            $0.businessName = "Test Business"
            $0.userRequest = "Get quote for service"
            $0.audioPath = .pcm24K
        }
    )

    static let claimed = Self.sessionClaimed(.with { $0.instance = "s1" })

    static func asks(_ id: String, _ name: String, _ arguments: String) -> Self {
        .toolRequested(
            .with {
                $0.call.toolCallID = id
                $0.call.itemID = "item-\(id)"
                $0.call.name = name
                $0.call.arguments = arguments
            }
        )
    }

    static func status(_ status: String, _ sequence: UInt32) -> Self {
        .statusChanged(
            .with {
                $0.status = status
                $0.sequenceNumber = sequence
            }
        )
    }
}
