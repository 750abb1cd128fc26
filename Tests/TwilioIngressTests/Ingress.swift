import AsyncHTTPClient
import CallEvents
import JSON
import Kafka
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

/// A running ingress with a stand-in for Twilio's REST API. All tests share one embedded broker, whose topics take
/// seconds to create; each has a call and an instance of its own.
struct Ingress: Sendable {
    static let accountSid = "AC0123456789abcdef0123456789abcdef"
    static let authToken = "f00dcafe0123456789abcdef01234567"
    static let apiToken = "secret-one"
    /// What Twilio is told to call; requests of the tests go to the bound port.
    static let publicURL = "http://127.0.0.1:9"
    static let broker = Result { try EmbeddedBroker() }

    let port: Int
    let twilio: TwilioStandIn
    /// Of the stand-in.
    let twilioURL: String
    let broker: EmbeddedBroker
    let instanceID: String
    private(set) var callSid: CallSid
    let http: HTTPClient
    let stage: RunningServices
    let health: Health

    var topics: TopicNames { self.broker.topics }
    var outboundPartition: Int32 { KeyPartition.of(self.instanceID, count: self.topics.partitions) }

    /// Starts everything, runs `body`, shuts down gracefully and waits for the end.
    /// - Parameter ownBroker: for tests of what instances share: all on one broker carry out one another's commands.
    static func run(
        ownBroker: EmbeddedBroker? = nil,
        logger: Logger = .quiet,
        adjust: (inout IngressConfiguration) -> Void = { _ in },
        body: (Ingress) async throws -> Void
    ) async throws {
        let callSid = CallSid.random()
        let twilio = TwilioStandIn(callSid: callSid)
        let twilioPort = Promise<Int>()
        let twilioServer = RunningServices([twilio.server { twilioPort.fulfil($0) }])
        let twilioURL = "http://127.0.0.1:\(try await twilioPort.value)"
        var configuration = Self.configuration(twilioURL: twilioURL)
        adjust(&configuration)

        let broker = try ownBroker ?? Self.broker.get()
        let instanceID = "ingress-\(callSid)"
        let health = Health()
        let port = Promise<Int>()
        var context = StageContext(
            stage: TwilioIngressStage.name,
            instanceID: instanceID,
            topics: broker.topics,
            kafka: broker.configuration(instanceID: instanceID),
            logger: logger,
            health: health
        )
        // On the broker that all tests share, each is a group of its own: nobody waits for the joining of all others.
        if ownBroker == nil { context.group += ".\(callSid)" }
        let stage = RunningServices(
            try TwilioIngressStage.services(configuration, context: context) { port.fulfil($0) }
        )
        let http = HTTPClient(eventLoopGroupProvider: .singleton)
        let result: Result<Void, any Error>
        do {
            try await eventually("ready") { health.waitingFor.isEmpty }
            let ingress = Ingress(
                port: try await port.value,
                twilio: twilio,
                twilioURL: twilioURL,
                broker: broker,
                instanceID: instanceID,
                callSid: callSid,
                http: http,
                stage: stage,
                health: health
            )
            result = .success(try await body(ingress))
        } catch {
            result = .failure(error)
        }
        try await http.shutdown()
        try await stage.stop()
        try await twilioServer.stop()
        try result.get()
    }

    private static func configuration(twilioURL: String) -> IngressConfiguration {
        var configuration = IngressConfiguration(
            host: "127.0.0.1",
            port: 0,
            publicURL: PublicURL(Self.publicURL)!,
            accountSid: Self.accountSid,
            authToken: Self.authToken,
            phoneNumber: PhoneNumber("+15005550006")!,
            twilioAPIURL: twilioURL,
            audioPath: .pcm24K,
            apiTokens: APITokens(accepting: [Self.apiToken, "secret-two"])
        )
        configuration.twilioTimeout = .seconds(6)
        configuration.twilioCallsPerSecond = 100
        // All tests' calls are in one deployment.
        configuration.maxCalls = 100_000
        // A busy machine takes its time until the agent speaks, and what the line heard is counted.
        configuration.hasComfortTone = false
        return configuration
    }
}

extension CallSid {
    static func random() -> CallSid {
        let digits = (0..<32).map { _ in "0123456789abcdef".randomElement() ?? "0" }
        return CallSid("CA" + String(digits))!
    }
}

/// A value that comes once; whoever waits is not cancelled.
final class Promise<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() {
        (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    func fulfil(_ value: Value) {
        self.continuation.yield(value)
    }

    var value: Value {
        get async throws {
            for await value in self.stream { return value }
            throw CancellationError()
        }
    }
}

extension Ingress {
    /// The same, for another call.
    func with(callSid: CallSid) -> Ingress {
        var copy = self
        copy.callSid = callSid
        return copy
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        headers: HTTPHeaders = [:],
        body: String? = nil,
        within limit: TimeAmount = .seconds(20)
    ) async throws -> Answer {
        try await Answer.send(
            method,
            path,
            toPort: self.port,
            headers: headers,
            body: body,
            within: limit,
            by: self.http
        )
    }

    /// - Parameter key: the Idempotency-Key.
    func initiateCall(_ body: String, key: String? = nil, token: String? = Self.apiToken) async throws -> Answer {
        var headers: HTTPHeaders = ["content-type": "application/json"]
        if let key { headers.add(name: "idempotency-key", value: key) }
        if let token { headers.add(name: "authorization", value: "Bearer \(token)") }
        return try await self.send(.POST, "/api/voice/initiate-call", headers: headers, body: body)
    }

    /// A webhook as Twilio sends it.
    /// - Parameter url: path and query below the public URL, or all of it; its fragment is neither sent nor signed.
    func webhook(_ url: String, _ fields: [FormField], authToken: String = Self.authToken) async throws -> Answer {
        let form = FormFields(fields)
        let path = String(url.replacing(Self.publicURL, with: "").prefix { $0 != "#" })
        let signature = TwilioSignature(authToken: authToken)
            .compute(url: Self.publicURL + path, content: .form(form))
        return try await self.send(
            .POST,
            path,
            headers: ["content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature],
            body: form.encoded
        )
    }

    /// The events of a call, oldest first.
    func events(of callSid: CallSid? = nil) async throws -> [CallEvent] {
        let key = (callSid ?? self.callSid).rawValue
        return try await self.broker.records(
            in: self.topics[.events],
            partition: KeyPartition.of(key, count: self.topics.partitions)
        )
        .filter { $0.key == ByteBuffer(string: key) }
        .map { try CallEvent(serializedBytes: Array($0.value?.readableBytesView ?? ByteBuffer().readableBytesView)) }
    }

    /// Caller audio as the transcoder (or the session) gets it.
    func inboundFrames(_ topic: Topic = .audioInboundPhone) async throws -> [AudioFrame] {
        let key = self.callSid.rawValue
        return try await self.broker.records(
            in: self.topics[topic],
            partition: KeyPartition.of(key, count: self.topics.partitions)
        )
        .filter { $0.key == ByteBuffer(string: key) }
        .map { try AudioFrame(record: $0.value ?? ByteBuffer()) }
    }

    /// The same without the silence that is made while nobody speaks.
    func heardFrames(_ topic: Topic = .audioInboundPhone) async throws -> [AudioFrame] {
        let silence = ByteBuffer(repeating: 0xff, count: 160)
        return try await self.inboundFrames(topic).filter { $0.payload != silence }
    }

    func token(
        epoch: UInt32 = 1,
        callSid: CallSid? = nil,
        validFor seconds: Int64 = 60,
        authToken: String = Self.authToken
    ) -> String {
        StreamToken.Authority(authToken: authToken).sign(
            StreamToken(
                callSid: callSid ?? self.callSid,
                streamEpoch: epoch,
                expiresAt: UnixTime.nowSeconds + seconds
            )
        )
    }
}

extension Ingress {
    /// Of a URL that Twilio was told to call.
    func claimKey(_ url: String) -> String? {
        guard let query = url.prefix(while: { $0 != "#" }).split(separator: "?").dropFirst().first else { return nil }
        return FormFields(parsing: String(query))["request"]
    }
}
