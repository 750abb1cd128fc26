import CallEvents
import Foundation
import GRDB
import JSON
import Kafka
import NIOCore
import ResultsStore
import StageRuntime
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct UnreadableStateTests {
    /// Another call of the same partition.
    private static func neighbor(in partitions: Int32) -> String? {
        (0..<100).map { "CA" + String(repeating: "0", count: 30) + String(10 + $0 % 90) }
            .first {
                KeyPartition.of($0, count: partitions) == KeyPartition.of(Deployment.callSid, count: partitions)
            }
    }

    private func utterances(_ sink: Deployment.Sink, of callSid: String) async throws -> [JSONValue]? {
        try await sink.get("/api/voice/calls/\(callSid)").json["transcript"]?.arrayValue
    }

    @Test func `events of a call of which the state cannot be read go to dead-letters, and other calls go on`()
        async throws
    {
        let deployment = try Deployment()
        let partitions = deployment.broker.topics.partitions
        let partition = KeyPartition.of(Deployment.callSid, count: partitions)
        let neighbor = try #require(Self.neighbor(in: partitions))
        let first = try await deployment.startSink()
        try await deployment.write(.requested(), .said(.person, "p1", "Hello?"))
        try await deployment.write(.requested("Neighbor"), of: neighbor)
        try await eventually("both calls are stored", timeout: .seconds(40)) {
            guard try await self.utterances(first, of: Deployment.callSid)?.count == 1 else { return false }
            return try await self.utterances(first, of: neighbor) != nil
        }
        // It has the states in its memory.
        try await first.running.stop()
        let file = try DatabaseQueue(path: deployment.directory.appending(path: "results.sqlite").path)
        try await file.write { database in
            try database.execute(
                sql: "UPDATE call_states SET state = x'ffff' WHERE call_sid = ?",
                arguments: [Deployment.callSid]
            )
            #expect(database.changesCount == 1)
        }
        try file.close()

        let sink = try await deployment.startSink()
        let wall = try await EventStream("http://127.0.0.1:\(sink.port)/api/voice/events")
        while try #require(try await wall.next()).name != "ready" {}
        try await deployment.write(.said(.agent, "a1", after: "p1", "Good day."))
        try await deployment.write(.said(.person, "p2", "Yes?"), .status("completed", 3), of: neighbor)
        try await deployment.write(.status("completed", 3))
        try await eventually("the other call is stored", timeout: .seconds(40)) {
            try await self.utterances(sink, of: neighbor)?.count == 1
        }
        let dead = try await eventually("both events are put aside", timeout: .seconds(40)) {
            let dead = try await deployment.broker.records(in: "voice.dead-letters", partition: partition)
            return dead.count == 2 ? dead : nil
        }
        for record in dead {
            let reason = record.headers.first { $0.name == "reason" }?.value.map { String(buffer: $0) } ?? ""
            #expect(reason.hasPrefix("what is stored of its call cannot be read: "))
            #expect(try CallEvent(key: record.key, value: record.value).callSid == Deployment.callSid)
        }
        // What was known of it is still there, and who watches is told of the other.
        #expect(try await self.utterances(sink, of: Deployment.callSid)?.count == 1)
        while let event = try await wall.next() {
            if event.name == "call", event.json["callSid"] == .string(neighbor), event.json["status"] == "completed" {
                break
            }
            #expect(event.json["callSid"] != .string(Deployment.callSid))
        }
        #expect(sink.health.waitingFor.isEmpty)
        try await sink.running.stop()
        await deployment.end()
    }
}
