import AsyncHTTPClient
import CallEvents
import Foundation
import JSON
import Kafka
import Logging
import NIOCore
import NIOHTTP1
import RealtimeSimulator
import Speech
import TestSupport
import Testing
import TwilioSimulator

/// The five stages as processes on a broker behind HAProxy, and the outside world inside the test, where it can be
/// asked what it saw.
struct PhoneWorld: Sendable {
    let stack: Stack
    let twilio: TwilioSimulator
    let realtime: RealtimeSimulator
    /// Sent as bearer; nil when the deployment allows anonymous use.
    let token: String?

    static let phoneNumber = "+15551234567"
    /// For a second business.
    static let otherPhoneNumber = "+15551234568"

    /// Starts everything, runs `body`, and ends everything.
    /// - Parameters:
    ///   - numbers: the businesses that are not `business`, by phone number.
    ///   - records: whether the calls are recorded.
    static func run(
        _ configuration: Stack.Configuration = Stack.Configuration(),
        business: CallScript = .demo,
        numbers: [String: CallScript] = [:],
        model: Script = .demo,
        records: Bool = false,
        body: (PhoneWorld) async throws -> Void
    ) async throws {
        var twilioConfiguration = TwilioSimulatorConfiguration(
            accountSid: Stack.twilioAccountSid,
            authToken: Stack.twilioAuthToken
        )
        twilioConfiguration.script = SimulationScript(fallback: business, numbers: numbers)
        let recordings = FileManager.default.temporaryDirectory.appending(path: "recordings-\(UUID())")
        if records {
            try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
            twilioConfiguration.recordingDirectory = recordings.path()
        }
        defer { try? FileManager.default.removeItem(at: recordings) }
        let twilio = try TwilioSimulator(configuration: twilioConfiguration, logger: .quiet)
        var realtimeConfiguration = RealtimeSimulator.Configuration()
        realtimeConfiguration.script = model
        let realtime = RealtimeSimulator(configuration: realtimeConfiguration, logger: .quiet)
        let simulators = RunningServices([twilio, realtime])

        var configuration = configuration
        configuration.twilioURL = "http://127.0.0.1:\(try await twilio.waitForPort())"
        configuration.realtimeURL = await realtime.url
        let token = configuration.environment["VOICE_API_TOKEN"]
        do {
            try await Stack.run(configuration) { stack in
                try await body(PhoneWorld(stack: stack, twilio: twilio, realtime: realtime, token: token))
            }
        } catch {
            await simulators.crash()
            throw error
        }
        try await simulators.stop()
    }

    /// Asks for a call as an API client does.
    func placeCall(to number: String = Self.phoneNumber) async throws -> CallSid {
        let answer = try await self.initiate(
            #"""
            {"phoneNumber": "\#(number)", "businessName": "Test Business",
             "userRequest": "Get quote for service", "category": "general"}
            """#
        )
        #expect(answer.status == 201, "\(answer.body.text)")
        return try #require(answer.body["callSid"]?.stringValue.flatMap { CallSid($0) })
    }

    func initiate(_ body: String) async throws -> (status: Int, contentType: String, body: JSONValue) {
        var request = HTTPClientRequest(url: self.stack.publicURL + "/api/voice/initiate-call")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: body))
        return try await self.execute(request)
    }

    /// What the read API says of the call.
    func status(of sid: CallSid) async throws -> JSONValue {
        let url = self.stack.publicURL + "/api/voice/status?callSid=\(sid)"
        return try await self.execute(HTTPClientRequest(url: url)).body
    }

    func execute(_ request: HTTPClientRequest) async throws -> (status: Int, contentType: String, body: JSONValue) {
        var request = request
        if let token = self.token, !request.headers.contains(name: "Authorization") {
            request.headers.add(name: "Authorization", value: "Bearer \(token)")
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        let contentType = response.headers.first(name: "Content-Type") ?? ""
        let body = try JSONValue(parsing: bytes.readableBytesView)
        return (Int(response.status.code), contentType, body)
    }

    /// Waits until Twilio saw this in the call; already counts.
    func wait(
        for what: String,
        in sid: CallSid,
        timeout: Duration = .seconds(60),
        _ matches: @Sendable (CallFact.Event) -> Bool
    ) async throws {
        try await eventually(what, timeout: timeout, detail: self.story(of: sid)) {
            self.twilio.call(sid)?.events.contains(where: matches) == true ? () : nil
        }
    }

    /// What happened in the call so far, for messages of failed tests.
    func story(of sid: CallSid) -> String {
        let facts = self.twilio.call(sid)?.facts ?? []
        let noise = facts.filter { fact in
            switch fact.event {
            case .markQueued, .markReturned: false
            default: true
            }
        }
        return noise.map { "\n  \($0.at): \($0.event)" }.joined()
    }

    /// The call's events so far, in their order.
    func events(of sid: CallSid) async throws -> [CallEvent] {
        try await self.records(of: sid, on: .events).map { try CallEvent(key: $0.key, value: $0.value) }
    }

    /// The streams that the call has had so far.
    func streamStarts(of sid: CallSid) async throws -> [StreamStarted] {
        try await self.events(of: sid).compactMap { event in
            if case .streamStarted(let started) = event.body { started } else { nil }
        }
    }

    /// The ingress instance that holds the call's stream, and the one that does not; of two.
    func ingresses(of sid: CallSid) async throws -> (holder: StageProcess, other: StageProcess) {
        let instance = try await eventually("a stream of the call") {
            try await self.streamStarts(of: sid).last?.ingressInstance
        }
        let holder = try #require(self.stack.ingresses.first { $0.name == instance })
        let other = try #require(self.stack.ingresses.first { $0.name != instance })
        return (holder, other)
    }

    /// All records of the call on a topic so far.
    func records(of sid: CallSid, on topic: Topic) async throws -> [KafkaRecord] {
        let topics = self.stack.topics
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(
                topic: topics[topic],
                partition: KeyPartition.of(sid.rawValue, count: topics.partitions)
            ),
            from: .edge(.beginning),
            follow: false,
            configuration: self.stack.kafka,
            logger: .quiet
        )
        var records: [KafkaRecord] = []
        for try await batch in reader { records += batch }
        return records.filter { $0.key == ByteBuffer(string: sid.rawValue) }
    }
}
