import CallEvents
import Kafka
import NIOCore
import ResultsSink
import ResultsStore
import StageRuntime
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct SinkTests {
    private let sid = Deployment.callSid

    /// The call as stored, once it is as it should be.
    private func call(
        in store: any ResultsStore,
        when isDone: (CallHistory) -> Bool
    ) async throws -> CallHistory {
        try await eventually("the call is stored", timeout: .seconds(40)) {
            guard let call = try await store.history(of: self.sid), isDone(call) else { return nil }
            return call
        }
    }

    @Test func `events and quotes become rows, with the offsets they came from`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        try await deployment.write(.requested(), .status("in-progress", 2))
        try await deployment.write(.said(.agent, "a1", after: "p1", "Good day."))
        try await deployment.write(.service)
        try await deployment.write(.said(.person, "p1", "Hello?"), .status("completed", 3))

        let store = try DatabaseStore(deployment.database)
        let call = try await self.call(in: store) { $0.call.status == "completed" && !$0.quotes.isEmpty }
        #expect(sink.health.waitingFor.isEmpty)
        #expect(call.call.businessName == "Test Business")
        #expect(call.utterances.map(\.text) == ["Hello?", "Good day."])
        #expect(call.quotes == [.service])
        let partition = KeyPartition.of(self.sid, count: deployment.broker.topics.partitions)
        #expect(
            try await store.positions() == [
                ResultsPosition(topic: "voice.events", partition: partition): 5,
                ResultsPosition(topic: "voice.results.quotes", partition: partition): 1,
            ]
        )
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `a sink that dies goes on where its store is`() async throws {
        let deployment = try Deployment()
        let first = try await deployment.startSink()
        let store = try DatabaseStore(deployment.database)
        try await deployment.write(.requested(), .said(.person, "p1", "Hello?"))
        _ = try await self.call(in: store) { $0.utterances.count == 1 }
        await first.running.crash()
        try await deployment.write(.said(.agent, "a1", after: "p1", "Good day."), .status("completed", 3))
        try await deployment.write(.service)
        let second = try await deployment.startSink()
        let call = try await self.call(in: store) { $0.call.status == "completed" && !$0.quotes.isEmpty }
        #expect(call.utterances.map(\.text) == ["Hello?", "Good day."])
        try await second.running.stop()
        await deployment.end()
    }

    @Test func `a store that fails is tried again until it takes the batch, and nothing is lost or doubled`()
        async throws
    {
        let deployment = try Deployment()
        let store = FlakyStore(try DatabaseStore(deployment.database, busyTimeout: 0.05))
        let sink = try await deployment.startSink(store)
        try await eventually("the sink is ready", timeout: .seconds(40)) { sink.health.waitingFor.isEmpty ? true : nil }
        store.failures.withLock { $0 = [.before, .before, .after] }
        try await deployment.write(.requested(), .said(.person, "p1", "Hello?"), .status("completed", 3))
        try await deployment.write(.service)
        let call = try await self.call(in: store) { $0.call.status == "completed" && !$0.quotes.isEmpty }
        #expect(call.utterances.map(\.text) == ["Hello?"])
        #expect(call.quotes == [.service])
        #expect(store.failures.withLock { $0.isEmpty })
        try await eventually("the sink is ready again", timeout: .seconds(40)) {
            sink.health.waitingFor.isEmpty ? true : nil
        }
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `what cannot be read, or stored, goes to dead-letters with the reason, and the rest goes on`()
        async throws
    {
        let deployment = try Deployment()
        // Before the sink is there, so that it has all of it in one batch.
        let poison = ByteBuffer(bytes: [0xff, 0xff, 0xff, 0x01])
        try await deployment.write(.requested())
        try await deployment.write(.events, poison)
        try await deployment.write(.said(.agent, "a1", "Nul\u{0}l"), .said(.person, "p1", "Hello?"))
        try await deployment.write(.resultsQuotes, ByteBuffer(string: "{"))
        try await deployment.write(.resultsOffers, ByteBuffer(string: #"{"offerId":"f1","callSid":"CA1"}"#))
        try await deployment.write(
            .resultsOrders,
            ByteBuffer(string: #"{"orderId":"o1","callSid":"\#(self.sid)","delivery":"\u0000"}"#)
        )
        try await deployment.write(.service)
        let sink = try await deployment.startSink()
        let store = try DatabaseStore(deployment.database)
        let call = try await self.call(in: store) { !$0.quotes.isEmpty && !$0.utterances.isEmpty }
        #expect(call.utterances.map(\.itemID) == ["p1"] && call.orders.isEmpty && call.offers.isEmpty)
        let partition = KeyPartition.of(self.sid, count: deployment.broker.topics.partitions)
        let dead = try await eventually("all are put aside", timeout: .seconds(40)) {
            let dead = try await deployment.broker.records(in: "voice.dead-letters", partition: partition)
            return dead.count == 5 ? dead : nil
        }
        let reasons = dead.map { record in
            record.headers.first { $0.name == "reason" }?.value.map { String(buffer: $0) } ?? ""
        }
        #expect(
            Set(reasons) == [
                "not a CallEvent", "not what the topic carries", "key is not the callSid",
                "the database refuses it: a text has a NUL character",
            ]
        )
        #expect(dead.contains { $0.value == poison })
        // Their offsets are behind it.
        let positions = try await store.positions()
        #expect(positions[ResultsPosition(topic: "voice.events", partition: partition)] == 4)
        #expect(positions[ResultsPosition(topic: "voice.results.orders", partition: partition)] == 1)
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `results of every kind are stored`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        try await deployment.write(.requested())
        for (topic, json) in [
            (Topic.resultsAppointments, #"{"appointmentId":"p1","callSid":"\#(self.sid)","time":"14:00","later":1}"#),
            (.resultsOrders, #"{"orderId":"o1","callSid":"\#(self.sid)","items":[{"name":"tea","quantity":2}]}"#),
            (.resultsOffers, #"{"offerId":"f1","callSid":"\#(self.sid)","description":"20 %"}"#),
            (.resultsComparisons, #"{"comparisonId":"c1","callSid":"\#(self.sid)","ranking":[{"rank":1}]}"#),
        ] {
            try await deployment.write(topic, ByteBuffer(string: json))
        }
        let store = try DatabaseStore(deployment.database)
        let call = try await self.call(in: store) {
            !$0.appointments.isEmpty && !$0.orders.isEmpty && !$0.offers.isEmpty && !$0.comparisons.isEmpty
        }
        #expect(call.appointments.map(\.time) == ["14:00"] && call.offers.map(\.description_p) == ["20 %"])
        #expect(call.orders.first?.items.map(\.quantity) == [2] && call.comparisons.first?.ranking.count == 1)
        try await sink.running.stop()
        await deployment.end()
    }
}

/// A store that fails on request.
private final class FlakyStore: ResultsStore {
    enum Failure {
        /// Nothing was written.
        case before
        /// All was written, and nobody heard of it.
        case after
    }

    private struct Away: Error {}

    /// What the next writes do; the others succeed.
    let failures = Mutex<[Failure]>([])
    private let store: DatabaseStore

    init(_ store: DatabaseStore) { self.store = store }

    func positions() async throws -> [ResultsPosition: Int64] { try await self.store.positions() }

    func states(of callSids: Set<String>) async throws -> [String: CallState] {
        try await self.store.states(of: callSids)
    }

    func write(_ batch: ResultsBatch) async throws {
        let failure = self.failures.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        if failure == .before { throw Away() }
        try await self.store.write(batch)
        if failure == .after { throw Away() }
    }

    func history(of callSid: String) async throws -> CallHistory? { try await self.store.history(of: callSid) }
    func calls(_ query: CallQuery) async throws -> CallPage { try await self.store.calls(query) }
    func statistics(_ query: StatisticsQuery) async throws -> Statistics { try await self.store.statistics(query) }
    func calls(changedAfter offsets: [Int32: Int64]?, limit: Int) async throws -> [CallRow] {
        try await self.store.calls(changedAfter: offsets, limit: limit)
    }
}
