import AsyncHTTPClient
import CallEvents
import JSON
import Kafka
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import TwilioSimulator

/// What the real executables do with input that is wrong: it is refused or put aside, and a call after it works.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct BadInputTests {
    @Test func `requests that are wrong are refused, records that cannot be read are put aside, and calls go on`()
        async throws
    {
        var configuration = Stack.Configuration()
        configuration.environment["VOICE_API_TOKEN"] = "an-api-token"
        configuration.environment["VOICE_ALLOW_ANONYMOUS"] = "false"
        try await PhoneWorld.run(configuration) { world in
            try await self.expectBadRequestsRefused(world)
            try await self.expectStrangersRefused(world)
            #expect(world.twilio.calls.isEmpty, "nothing was dialled")
            try await self.expectPoisonPutAside(world)
            try await world.expectDemoCall(try await world.placeCall())
        }
    }

    private func expectBadRequestsRefused(_ world: PhoneWorld) async throws {
        let complete: JSONValue = [
            "phoneNumber": .string(PhoneWorld.phoneNumber), "businessName": "Test Business", "userRequest": "A quote",
        ]
        var bodies = ["", "{", "[]", #"{"phoneNumber": 5}"#]
        for (field, value) in [
            ("phoneNumber", JSONValue.null), ("phoneNumber", "5551234567"), ("phoneNumber", "+1555123456789012345"),
            ("businessName", ""), ("userRequest", .null), ("category", .string(String(repeating: "x", count: 65))),
        ] {
            var members = complete.objectValue ?? [:]
            members[field] = value == .null ? Optional<JSONValue>.none : .some(value)
            bodies.append(JSONValue.object(members).text)
        }
        for body in bodies {
            let answer = try await world.initiate(body)
            #expect((400..<500).contains(answer.status), "\(body): \(answer.status)")
            #expect(answer.contentType.hasPrefix("application/problem+json"), "\(body): \(answer.contentType)")
        }
    }

    private func expectStrangersRefused(_ world: PhoneWorld) async throws {
        for (method, path, authorization, status) in [
            (HTTPMethod.POST, "/api/voice/initiate-call", "", 401),
            (.POST, "/api/voice/initiate-call", "Bearer another-token", 401),
            (.GET, "/api/voice/status?callSid=CA00000000000000000000000000000000", "", 401),
            (.POST, "/api/voice/twiml", "", 403), (.POST, "/api/voice/status", "", 403),
        ] {
            var request = HTTPClientRequest(url: world.stack.publicURL + path)
            request.method = method
            request.headers.add(name: "Authorization", value: authorization)
            let answer = try await world.execute(request)
            #expect(answer.status == status, "\(method) \(path)")
            #expect(answer.contentType.hasPrefix("application/problem+json"), "\(method) \(path)")
        }
        var upgrade = HTTPClientRequest(url: world.stack.publicURL + "/api/voice/stream")
        upgrade.headers.add(contentsOf: [
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ])
        let answer = try await world.execute(upgrade)
        #expect(answer.status == 403, "a socket without Twilio's signature")
    }

    /// Bytes that nobody can read, on every topic that a group of stages consumes.
    private func expectPoisonPutAside(_ world: PhoneWorld) async throws {
        let names = world.stack.topics
        let topics: [Topic] = [
            .audioInboundPhone, .audioInboundModel, .audioOutboundModel, .events, .commands, .resultsQuotes,
        ]
        let messages = topics.map { topic in
            KafkaMessage(
                topic: names[topic],
                key: ByteBuffer(string: "CA00000000000000000000000000000000"),
                value: ByteBuffer(bytes: [0xff, 0xff, 0xff, 0x01])
            )
        }
        try await world.produce(messages)
        do {
            try await eventually("every unreadable record is in dead-letters", timeout: .seconds(30)) {
                try await world.deadLetterSources().isSuperset(of: topics.map { names[$0] })
            }
        } catch var error as TimedOut {
            error.detail = "only of \(try await world.deadLetterSources().sorted())"
            throw error
        }
    }
}

extension PhoneWorld {
    fileprivate func produce(_ messages: [KafkaMessage]) async throws {
        let producer = try KafkaProducer(.events, configuration: self.stack.kafka, logger: .quiet)
        let running = RunningServices([producer])
        try await producer.deliver(messages)
        try await running.stop()
    }

    /// The topics that records were put aside from.
    fileprivate func deadLetterSources() async throws -> Set<String> {
        var records: [KafkaRecord] = []
        for partition in 0..<self.stack.topics.partitions {
            let reader = try KafkaPartitionReader(
                KafkaTopicPartition(topic: self.stack.topics[.deadLetters], partition: partition),
                from: .edge(.beginning),
                follow: false,
                configuration: self.stack.kafka,
                logger: .quiet
            )
            for try await batch in reader { records += batch }
        }
        return Set(
            records.compactMap { record in
                record.headers.first { $0.name == "source.topic" }?.value.map { String(buffer: $0) }
            }
        )
    }
}
