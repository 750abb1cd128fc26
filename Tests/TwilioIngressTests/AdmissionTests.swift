import AsyncHTTPClient
import CallEvents
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import StageRuntime
import TestSupport
import Testing
import TwilioMedia

@testable import TwilioIngress

/// When calls are not made, or later.
@Suite(.timeLimit(.minutes(2))) struct AdmissionTests {
    private static let body =
        #"{"phoneNumber":"+15551234567","businessName":"Test Business","userRequest":"Get a quote"}"#

    private static func retryAfter(_ answer: Answer) -> Int? {
        answer.headers.first(name: "retry-after").flatMap { Int($0) }
    }

    @Test func `only listed destinations are called`() async throws {
        try await Ingress.run(
            adjust: { $0.destinations = DestinationPolicy("+1555,+44")! },
            body: { ingress in
                for number in ["+15561234567", "+4912345678", "+3550000000"] {
                    let answer = try await ingress.initiateCall(Self.body.replacing("+15551234567", with: number))
                    #expect(answer.status == 422 && answer.isProblem)
                    #expect(answer.json["errors"]?.arrayValue?.first?["field"] == "phoneNumber")
                    #expect(answer.json["detail"]?.stringValue?.contains("+1555 or +44") == true)
                }
                #expect(ingress.twilio.received.isEmpty)
                for number in ["+15551234567", "+442012345678"] {
                    let answer = try await ingress.initiateCall(Self.body.replacing("+15551234567", with: number))
                    #expect(answer.status == 201)
                }
            }
        )
    }

    @Test func `each token has its calls a minute, and repeats do not count`() async throws {
        try await Ingress.run(
            adjust: { $0.callsPerMinute = 2 },
            body: { ingress in
                let key = "rate-\(ingress.callSid)"
                for _ in 0..<4 { #expect(try await ingress.initiateCall(Self.body, key: key).status == 201) }
                #expect(try await ingress.initiateCall(Self.body).status == 201)
                let refused = try await ingress.initiateCall(Self.body)
                #expect(refused.status == 429 && refused.isProblem)
                #expect(Self.retryAfter(refused).map { (1...30).contains($0) } == true)
                #expect(try await ingress.initiateCall(Self.body, key: key).status == 201)
                #expect(try await ingress.initiateCall(Self.body, token: "secret-two").status == 201)
                #expect(ingress.twilio.received.count == 3)
            }
        )
    }

    @Test func `no more calls are in progress than all instances may have, until one is over`() async throws {
        let broker = try EmbeddedBroker(prefix: "cap.", partitions: 2)
        try await Ingress.run(
            ownBroker: broker,
            adjust: { $0.maxCalls = 2 },
            body: { one in
                try await Ingress.run(
                    ownBroker: broker,
                    adjust: { configuration in
                        configuration.maxCalls = 2
                        configuration.twilioAPIURL = one.twilioURL
                    }
                ) { two in
                    #expect(try await one.initiateCall(Self.body).status == 201)
                    #expect(try await two.initiateCall(Self.body).status == 201)
                    for ingress in [one, two] {
                        try await eventually("both know of both calls") {
                            let answer = try await ingress.initiateCall(Self.body)
                            return answer.status == 429 && answer.isProblem && Self.retryAfter(answer) != nil
                        }
                    }
                    #expect(one.twilio.received.count == 2)
                    let ended = try await two.webhook(
                        PublicURL.Path.status,
                        [
                            FormField("CallSid", one.callSid.rawValue), FormField("CallStatus", "completed"),
                            FormField("SequenceNumber", "3"),
                        ]
                    )
                    #expect(ended.status == 204)
                    try await eventually("there is room again") {
                        try await one.initiateCall(Self.body).status == 201
                    }
                    #expect(one.twilio.received.count == 3)
                }
            }
        )
        broker.stop()
    }

    @Test func `of many at the same moment no more get in than may`() async throws {
        let broker = try EmbeddedBroker(prefix: "rush.", partitions: 2)
        try await Ingress.run(
            ownBroker: broker,
            adjust: { $0.maxCalls = 3 },
            body: { ingress in
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<12 {
                        group.addTask { try await ingress.initiateCall(Self.body).status }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.allSatisfy { $0 == 201 || $0 == 429 })
                #expect((1...3).contains(statuses.count { $0 == 201 }))
                #expect(ingress.twilio.received.count == statuses.count { $0 == 201 })
            }
        )
        broker.stop()
    }

    @Test func `calls are dialled no faster than Twilio does`() async throws {
        try await Ingress.run(
            adjust: { $0.twilioCallsPerSecond = 4 },
            body: { ingress in
                let start = ContinuousClock.now
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<5 { group.addTask { try await ingress.initiateCall(Self.body).status } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses == [201, 201, 201, 201, 201])
                #expect(.now - start >= .seconds(1))
            }
        )
    }

    @Test func `who would wait too long is told when to come again, and who leaves makes room`() async throws {
        // One call in 20 s: the first goes at once, the second waits, the third would wait for 40 s.
        try await Ingress.run(
            adjust: { $0.twilioCallsPerSecond = 0.05 },
            body: { ingress in
                #expect(try await ingress.initiateCall(Self.body).status == 201)
                let (waiting, refused) = try await eventually("the queue is full") { () -> (RawClient, Answer)? in
                    let waiting = try await RawClient(port: ingress.port)
                    try await waiting.send(Self.body)
                    let answer = try? await ingress.initiateCall(Self.body, within: .milliseconds(300))
                    if let answer, answer.status == 429 { return (waiting, answer) }
                    // The second came first, and has left by its time-out.
                    try await waiting.close()
                    return nil
                }
                #expect(refused.isProblem && Self.retryAfter(refused).map { (1...20).contains($0) } == true)
                try await waiting.close()
                try await eventually("the place is free") {
                    do {
                        return try await ingress.initiateCall(Self.body, within: .milliseconds(300)).status != 429
                    } catch let error as HTTPClientError where error == .deadlineExceeded {
                        return true
                    }
                }
                #expect(ingress.twilio.received.count == 1)
            }
        )
    }

    @Test func `an instance that shuts down takes no new calls`() async throws {
        try await Ingress.run { ingress in
            let key = "drain-\(ingress.callSid)"
            let made = try await ingress.initiateCall(Self.body, key: key)
            ingress.health.set("not-shutting-down", ready: false)
            let refused = try await ingress.initiateCall(Self.body)
            #expect(refused.status == 503 && refused.isProblem && Self.retryAfter(refused) != nil)
            // What is known is answered all the same.
            #expect(try await ingress.initiateCall(Self.body, key: key).json == made.json)
            #expect(ingress.twilio.received.count == 1)
        }
    }

    @Test func `what Twilio throttles is tried again for a while`() async throws {
        try await Ingress.run { ingress in
            ingress.twilio.willAnswer(.throttled(retryAfter: nil), .throttled(retryAfter: 1))
            #expect(try await ingress.initiateCall(Self.body).status == 201)
            #expect(ingress.twilio.received.count == 3)

            let key = "throttled-\(ingress.callSid)"
            ingress.twilio.willAnswer(.throttled(retryAfter: 120))
            let refused = try await ingress.initiateCall(Self.body, key: key)
            #expect(refused.status == 503 && refused.isProblem && Self.retryAfter(refused) == 120)
            #expect(try await ingress.initiateCall(Self.body, key: key).status == 201)
        }
    }
}

extension Ingress {
    fileprivate func initiateCall(_ body: String, within limit: TimeAmount) async throws -> Answer {
        try await self.send(
            .POST,
            "/api/voice/initiate-call",
            headers: ["authorization": "Bearer \(Self.apiToken)"],
            body: body,
            within: limit
        )
    }
}

/// A client that sends a request, waits, and goes away.
private struct RawClient {
    private let channel: any Channel

    init(port: Int) async throws {
        self.channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port)
            .get()
    }

    func send(_ body: String) async throws {
        let head = """
            POST /api/voice/initiate-call HTTP/1.1\r
            Host: localhost\r
            Authorization: Bearer \(Ingress.apiToken)\r
            Content-Length: \(body.utf8.count)\r
            \r

            """
        try await self.channel.writeAndFlush(ByteBuffer(string: head + body))
    }

    func close() async throws { try await self.channel.close() }
}
