import AgentCoordinator
import CallEvents
import Kafka
import NIOCore
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CoordinatorTests {
    private let sid = Deployment.callSid
    private let price = #"{"price":45,"currency":"USD","details":"service","availability":"tomorrow afternoon"}"#
    private let bye = #"{"reason":"quote received","outcome":"success"}"#

    private func expectWholeCall(_ deployment: Deployment) async throws {
        let commands = try await deployment.commands(atLeast: 4)
        #expect(
            commands.map(\.commandID) == [
                "start/\(self.sid)", "tool-result/c1", "goodbye/\(self.sid)", "end/\(self.sid)",
            ]
        )
        let quotes = try await deployment.quotes()
        #expect(quotes.map(\.quote.price) == ["45.00"])
        let state = try #require(
            try await deployment.records(of: .state, atLeast: 1).last?.value.map {
                try CallState(serializedBytes: Array($0.readableBytesView))
            }
        )
        #expect(state.phase == .ended)
        #expect(state.quotes.map(\.price) == ["45.00"])
    }

    @Test func `a call's events become commands, one quote, and snapshots`() async throws {
        let deployment = try Deployment()
        let health = Health()
        let coordinator = try deployment.startCoordinator(health)
        #expect(Set(health.waitingFor) == ["kafka-assignment", "quotes-read"])
        try await deployment.write(.status("ringing", 1), .requested)
        let start = try await deployment.commands(atLeast: 1)[0]
        #expect(start.startSession.agent.agent == "main_concierge")
        #expect(health.waitingFor.isEmpty)

        let epoch = try await deployment.write(.claimed)[0]
        try await deployment.write(.asks("c1", "extract_quote", self.price), session: epoch)
        let result = try await deployment.commands(atLeast: 2)[1]
        #expect(result.toolResult.toolCallID == "c1")
        #expect(result.toolResult.output.contains("45.00"))
        try await deployment.write(.asks("c2", "end_call", self.bye), session: epoch)
        #expect(try await deployment.commands(atLeast: 3)[2].endSession.hangUpWhenPlayed)
        try await deployment.write(.status("completed", 3))
        try await self.expectWholeCall(deployment)

        let (record, quote) = try await deployment.quotes()[0]
        #expect(record.key == ByteBuffer(string: self.sid))
        let headers = Dictionary(
            uniqueKeysWithValues: record.headers.map { ($0.name, $0.value.map { String(buffer: $0) }) }
        )
        #expect(
            headers == [
                "ce_specversion": "1.0", "ce_id": "\(self.sid).c1", "ce_type": "lifehub.voice.quote.v1",
                "ce_source": "/lifehub-voice/agent-coordinator", "ce_time": quote.quotedAt,
                "content-type": "application/json",
            ]
        )
        #expect(quote.quoteID == "\(self.sid).c1")
        #expect(quote.businessName == "Test Business")

        let events = try await deployment.events(atLeast: 10)
        #expect(
            events.map(\.eventID).filter { $0.hasPrefix("tool-") }.sorted() == [
                "tool-completed/\(self.sid)/c1", "tool-completed/\(self.sid)/c2", "tool-started/\(self.sid)/c1",
                "tool-started/\(self.sid)/c2",
            ]
        )
        try await coordinator.stop()
        await deployment.end()
    }

    @Test func `a coordinator that dies in the middle of a call leaves the same call behind`() async throws {
        let deployment = try Deployment()
        let first = try deployment.startCoordinator()
        try await deployment.write(.requested)
        _ = try await deployment.commands(atLeast: 1)
        let epoch = try await deployment.write(.claimed)[0]
        // The tool is asked for, and the coordinator dies at once: before, while or after it does its part.
        try await deployment.write(.asks("c1", "extract_quote", self.price), session: epoch)
        await first.crash()
        // The call goes on meanwhile.
        try await deployment.write(.asks("c2", "end_call", self.bye), session: epoch)

        let second = try deployment.startCoordinator()
        _ = try await deployment.commands(atLeast: 3)
        try await deployment.write(.status("completed", 3))
        try await self.expectWholeCall(deployment)
        await second.crash()

        // All of it once more changes nothing.
        let third = try deployment.startCoordinator()
        try await deployment.write(.asks("c1", "extract_quote", self.price), session: epoch)
        let events = try await deployment.records(of: .events, atLeast: 9)
        try await eventually("the last event is folded", timeout: .seconds(40)) {
            let state = try await deployment.records(of: .state, atLeast: 1).last?.value
            let applied = try state.map { try CallState(serializedBytes: Array($0.readableBytesView)).appliedOffset }
            return applied ?? -1 >= events.last?.offset ?? .max ? true : nil
        }
        try await self.expectWholeCall(deployment)
        try await third.stop()
        await deployment.end()
    }

    @Test func `an aborted transaction is repeated, and nothing doubles`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        try await deployment.write(.requested)
        _ = try await deployment.commands(atLeast: 1)
        let epoch = try await deployment.write(.claimed)[0]
        // Refused before anything of the transaction is written: the embedded broker would show it although aborted.
        let refusal = EmbeddedCluster.Failure.topicAuthorizationFailed
        deployment.broker.cluster.fail(.addPartitionsToTransaction, with: [refusal])
        try await deployment.write(.asks("c1", "extract_quote", self.price), session: epoch)
        _ = try await deployment.commands(atLeast: 2)
        deployment.broker.cluster.fail(.addPartitionsToTransaction, with: [refusal, refusal])
        try await deployment.write(.asks("c2", "end_call", self.bye), session: epoch)
        _ = try await deployment.commands(atLeast: 3)
        try await deployment.write(.status("completed", 3))
        try await self.expectWholeCall(deployment)
        try await coordinator.stop()
        await deployment.end()
    }

    @Test func `what is no event goes to dead-letters, and the rest goes on`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        let poison = ByteBuffer(bytes: [0xff, 0xff, 0xff, 0x01])
        let offset = try await deployment.write(poison)[0]
        try await deployment.write(.requested)
        #expect(try await deployment.commands(atLeast: 1).map(\.commandID) == ["start/\(self.sid)"])
        let dead = try await deployment.records(of: .deadLetters, atLeast: 1)
        #expect(dead.map(\.value) == [poison])
        #expect(dead[0].headers.contains(KafkaHeader("source.offset", ByteBuffer(string: "\(offset)"))))
        #expect(dead[0].headers.contains(KafkaHeader("stage", ByteBuffer(string: "agent-coordinator"))))
        try await coordinator.stop()
        await deployment.end()
    }
}
