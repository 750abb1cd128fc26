import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing

@testable import TwilioIngress

@Suite(.timeLimit(.minutes(2))) struct ClaimsTests {
    /// One instance's claims on the broker that all tests share.
    private struct Instance {
        let claims: Claims
        let services: RunningServices

        init(_ name: String) async throws {
            let broker = try Ingress.broker.get()
            let health = Health()
            let context = StageContext(
                stage: TwilioIngressStage.name,
                instanceID: name,
                topics: broker.topics,
                kafka: broker.configuration(instanceID: name),
                logger: .quiet,
                health: health
            )
            let producer = try KafkaProducer(.events, configuration: context.kafka, logger: .quiet)
            self.claims = Claims(context: context, producer: producer, callLimit: .seconds(3_600))
            self.services = RunningServices([producer, self.claims])
            #expect(health.waitingFor == [Claims.readinessCheck])
            try await eventually("all requests are read") { health.waitingFor.isEmpty }
        }
    }

    private static var request: CallRequested {
        var request = CallRequested()
        request.businessName = "Test Business"
        return request
    }

    /// All that was written under a key.
    private static func records(of key: String) async throws -> [RequestRecord] {
        let broker = try Ingress.broker.get()
        return try await broker.records(
            in: broker.topics[.requests],
            partition: KeyPartition.of(key, count: broker.topics.partitions)
        )
        .compactMap { try $0.value.map { try RequestRecord(serializedBytes: Array($0.readableBytesView)) } }
        .filter { $0.claimKey == key }
    }

    @Test func `of instances that claim one key at the same time exactly one wins`() async throws {
        let instances = [try await Instance("claims-a"), try await Instance("claims-b")]
        for _ in 0..<5 {
            let key = "race-\(CallSid.random())"
            let verdicts = try await withThrowingTaskGroup(of: Claims.Verdict.self) { group in
                for number in 0..<6 {
                    let claims = instances[number % 2].claims
                    group.addTask { try await claims.claim(key, bodySHA256: "b", request: Self.request) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(verdicts.count { if case .won = $0 { true } else { false } } == 1)
            #expect(verdicts.count { $0 == .held } == 5)
        }
        for instance in instances { try await instance.services.stop() }
    }

    @Test func `what one instance settles, another and a restarted one know`() async throws {
        let one = try await Instance("claims-c")
        let two = try await Instance("claims-d")
        let key = "settled-\(CallSid.random())"
        let callSid = CallSid.random()
        guard case .won(let claimID) = try await one.claims.claim(key, bodySHA256: "b", request: Self.request)
        else { return #expect(Bool(false), "a new key is free") }
        try await eventually("the other instance sees the claim") { two.claims.pending(key)?.claimID == claimID }
        #expect(two.claims.pending(key)?.request == Self.request)
        #expect(try await two.claims.claim(key, bodySHA256: "other", request: nil) == .otherBody)
        try await one.services.stop()

        try await two.claims.settle(key, claimID: claimID, callSid: callSid)
        #expect(two.claims.pending(key) == nil)
        let again = try await Instance("claims-c")
        #expect(try await again.claims.claim(key, bodySHA256: "b", request: nil) == .done(callSid: callSid))
        for _ in 0..<2 { try await again.claims.ended(callSid) }
        let records = try await Self.records(of: key)
        #expect(records.count == 3 && records.last?.ended.callSid == callSid.rawValue)
        #expect(try await again.claims.claim(key, bodySHA256: "b", request: nil) == .done(callSid: callSid))
        for instance in [two, again] { try await instance.services.stop() }
    }

    @Test func `a released key can be claimed again`() async throws {
        let instance = try await Instance("claims-e")
        let key = "released-\(CallSid.random())"
        guard case .won(let first) = try await instance.claims.claim(key, bodySHA256: "b", request: nil)
        else { return #expect(Bool(false), "a new key is free") }
        try await instance.claims.release(key, claimID: first)
        guard case .won(let second) = try await instance.claims.claim(key, bodySHA256: "other", request: nil)
        else { return #expect(Bool(false), "a released key is free") }
        #expect(first != second)
        try await instance.services.stop()
    }

    @Test func `a claim that nobody waited for is released when it turns up`() async throws {
        let instance = try await Instance("claims-f")
        let other = try await Instance("claims-g")
        let key = "abandoned-\(CallSid.random())"
        let claims = instance.claims
        let task = Task { try await claims.claim(key, bodySHA256: "b", request: Self.request) }
        task.cancel()
        let result = await task.result
        if case .success(.won(let claimID)) = result { try await claims.release(key, claimID: claimID) }
        let verdict = try await eventually("the key is free") { () -> Claims.Verdict? in
            let verdict = try await other.claims.claim(key, bodySHA256: "b", request: Self.request)
            return verdict == .held ? nil : verdict
        }
        guard case .won = verdict else { return #expect(Bool(false), "\(verdict)") }
        for instance in [instance, other] { try await instance.services.stop() }
    }

    @Test func `an inbound call counts once`() async throws {
        let instance = try await Instance("claims-h")
        let callSid = CallSid.random()
        try await instance.claims.began(callSid)
        try await instance.claims.began(callSid)
        #expect(instance.claims.callsInProgress >= 1)
        for _ in 0..<2 { try await instance.claims.ended(callSid) }
        #expect(try await Self.records(of: "inbound-\(callSid)").count == 2)
        try await instance.services.stop()
    }
}
