import AgentCoordinator
import Agents
import CallEvents
import Crypto
import HTTPTypes
import JSON
import Kafka
import NIOCore
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing

/// What the coordinator does beside folding: it lets time pass, hands over, asks other systems, and tells calls of each
/// other.
@Suite(.timeLimit(.minutes(3))) struct EffectTests {
    private static let sid = Deployment.callSid

    private static func started() -> CallEvent.OneOf_Body {
        .streamStarted(
            .with {
                $0.streamEpoch = 1
                $0.streamSid = "MZ1"
            }
        )
    }

    // MARK: Time

    @Test func `a call that is too long is wound down and ended, also by the next coordinator`() async throws {
        let deployment = try Deployment()
        var agents = try AgentBook.builtIn()
        agents.maxCallSeconds = 4
        let configuration = AgentCoordinatorStage.Configuration(agents: agents)
        let first = try deployment.startCoordinator(configuration: configuration)
        try await deployment.write(.requested, .claimed, Self.started(), atUs: UnixTime.nowUs)
        let words = try await deployment.commands(atLeast: 2)[1]
        #expect(words.commandID == "wind-down/\(Self.sid)")
        #expect(words.say.instructions.contains("seconds"))
        await first.crash()

        let second = try deployment.startCoordinator(configuration: configuration)
        let telephony = try await deployment.records(of: .telephony, atLeast: 1)
        let value = try #require(telephony[0].value)
        let hangUp = try TelephonyCommand(serializedBytes: Array(value.readableBytesView))
        #expect(hangUp.hangUp.reason == "max_call_seconds")
        try await deployment.write(.status("completed", 5), atUs: UnixTime.nowUs)
        let calls = try await deployment.records(of: .resultsCalls, atLeast: 1)
        let summary = try CallSummary(jsonUTF8Bytes: Array(try #require(calls[0].value).readableBytesView))
        #expect(summary.endReason == "max_call_seconds" && summary.status == "completed")
        try await second.stop()
        await deployment.end()
    }

    // MARK: Handoffs

    @Test func `somebody outside hands the conversation over, or is told why not`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        try await deployment.write(.requested, .claimed)
        _ = try await deployment.commands(atLeast: 1)
        try await deployment.write(.handoffRequested(.with { $0.toAgent = "nobody" }))
        let refused = try await eventually("it is refused", timeout: .seconds(40)) {
            try await deployment.events(atLeast: 1).first { $0.handoffRefused.hasRequest }
        }
        #expect(refused.handoffRefused.reason.contains("order_placer"))
        try await deployment.write(
            .handoffRequested(
                .with {
                    $0.toAgent = "order_placer"
                    $0.reason = "A person said so."
                }
            )
        )
        let command = try await deployment.commands(atLeast: 2)[1]
        #expect(command.updateSession.agent.agent == "order_placer")
        #expect(command.updateSession.agent.tools.contains { $0.name == "place_order" })
        #expect(!command.updateSession.agent.opening.isEmpty)
        try await coordinator.stop()
        await deployment.end()
    }

    @Test func `a tool that the agent does not have is not run`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        let order = #"{"items":[{"name":"Pizza","quantity":1}]}"#
        try await self.ask(deployment, .asks("c1", "place_order", order))
        let output = try await deployment.commands(atLeast: 2)[1].toolResult.output
        #expect(output.contains("unknown_tool"))
        try await coordinator.stop()
        await deployment.end()
    }

    // MARK: Tools of other systems

    private static let secret = "tool-secret"

    private static func configuration(_ url: String, _ lines: String...) throws -> AgentCoordinatorStage.Configuration {
        let yaml = """
            tools:
              - name: check_stock
                type: http
                description: How many are there.
                url: \(url)
                secret_env: STOCK_SECRET
                parameters: { type: object, properties: { article: { type: string } }, required: [article] }
            \(lines.map { "    \($0)" }.joined(separator: "\n"))
            begin: main
            agents:
              - { id: main, description: D., instructions: I., tools: [check_stock] }
            """
        var agents = try AgentBook(yaml: yaml, file: "a.yaml")
        agents.httpTools[0].secret = Self.secret
        return AgentCoordinatorStage.Configuration(agents: agents)
    }

    private static let asks = CallEvent.OneOf_Body.asks("c1", "check_stock", #"{"article":"tyre"}"#)

    /// The call has begun, and the model asks for a tool.
    private func ask(_ deployment: Deployment, _ asks: CallEvent.OneOf_Body = Self.asks) async throws {
        try await deployment.write(.requested)
        _ = try await deployment.commands(atLeast: 1)
        let epoch = try await deployment.write(.claimed)[0]
        try await deployment.write(asks, session: epoch)
    }

    private func output(_ deployment: Deployment) async throws -> String {
        try await deployment.commands(atLeast: 2)[1].toolResult.output
    }

    @Test func `another system's tool is asked with a signature and a key of its own`() async throws {
        let tool = ToolServer(.status(.ok, #"{"count":3}"#))
        try await tool.serve { url in
            let deployment = try Deployment()
            let coordinator = try deployment.startCoordinator(configuration: Self.configuration(url))
            try await self.ask(deployment)
            #expect(try await self.output(deployment) == #"{"count":3}"#)
            let request = try #require(tool.requests.first)
            #expect(tool.requests.count == 1)
            #expect(request.idempotencyKey == "\(Self.sid)/c1")
            let body = try JSONValue(parsing: request.body)
            #expect(body["arguments"] == ["article": "tyre"] && body["tool"] == "check_stock")
            #expect(body["callSid"]?.stringValue == Self.sid && body["requestId"] == "req-1")
            let parts = request.signature.split(separator: ",").map { $0.drop { $0 != "=" }.dropFirst() }
            #expect(parts.count == 2)
            let signed = Array("\(parts[0]).\(request.body)".utf8)
            let key = SymmetricKey(data: Array(Self.secret.utf8))
            let code = HMAC<SHA256>.authenticationCode(for: signed, using: key)
            #expect(code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == parts[1])
            let kinds = try await deployment.events(atLeast: 6).map { $0.eventID.prefix { $0 != "/" } }
            #expect(kinds.count { $0 == "tool-started" } == 1 && kinds.count { $0 == "tool-completed" } == 1)
            try await coordinator.stop()
            await deployment.end()
        }
    }

    @Test func `arguments that do not fit never leave the house`() async throws {
        let tool = ToolServer(.status(.ok, "{}"))
        try await tool.serve { url in
            let deployment = try Deployment()
            let coordinator = try deployment.startCoordinator(configuration: Self.configuration(url))
            try await self.ask(deployment, .asks("c1", "check_stock", "{}"))
            #expect(try await self.output(deployment).contains("article"))
            #expect(tool.requests.isEmpty)
            try await coordinator.stop()
            await deployment.end()
        }
    }

    @Test func `a tool that may run twice is tried again, one that must not is not`() async throws {
        for (lines, count, part) in [
            (["repeatable: true", "retries: 2"], 2, "count"), (["timeout_ms: 3000"], 1, "unknown_outcome"),
        ] {
            let tool = ToolServer(.status(.internalServerError, "oops"), .status(.ok, #"{"count":3}"#))
            try await tool.serve { url in
                let deployment = try Deployment()
                let configuration =
                    lines.count == 2
                    ? try Self.configuration(url, lines[0], lines[1]) : try Self.configuration(url, lines[0])
                let coordinator = try deployment.startCoordinator(configuration: configuration)
                try await self.ask(deployment)
                #expect(try await self.output(deployment).contains(part))
                #expect(tool.requests.count == count)
                #expect(Set(tool.requests.map(\.idempotencyKey)).count == 1)
                try await coordinator.stop()
                await deployment.end()
            }
        }
    }

    @Test(arguments: [true, false])
    func `a coordinator that dies while a tool runs`(repeatable: Bool) async throws {
        let tool = ToolServer(.silence, .status(.ok, #"{"count":3}"#))
        try await tool.serve { url in
            let deployment = try Deployment()
            let configuration = try Self.configuration(url, "repeatable: \(repeatable)", "timeout_ms: 60000")
            let first = try deployment.startCoordinator(configuration: configuration)
            try await self.ask(deployment)
            try await eventually("it is asked", timeout: .seconds(40)) { tool.requests.count == 1 }
            await first.crash()
            let second = try deployment.startCoordinator(configuration: configuration)
            // Whoever may not ask again says so.
            #expect(try await self.output(deployment).contains(repeatable ? "count" : "unknown_outcome"))
            #expect(tool.requests.count == (repeatable ? 2 : 1))
            #expect(Set(tool.requests.map(\.idempotencyKey)).count == 1)
            try await second.stop()
            await deployment.end()
        }
    }

    // MARK: Calls of one request

    @Test func `calls of one request at the same time know each other's quotes`() async throws {
        let deployment = try Deployment()
        let coordinator = try deployment.startCoordinator()
        var epochs: [String: Int64] = [:]
        let sids = (1...3).map { "CA\(String(repeating: "\($0)", count: 32))" }
        for (sid, price) in zip(sids, ["45", "39.50", "60"]) {
            let request = CallEvent.OneOf_Body.requested(
                .with {
                    $0.requestID = "req-1"
                    $0.businessName = "Business \(sid.last!)"
                    $0.userRequest = "Get quote for service"
                    $0.audioPath = .pcm24K
                }
            )
            try await deployment.write(request, of: sid)
            _ = try await deployment.commands(atLeast: 1, of: sid)
            epochs[sid] = try await deployment.write(.claimed, of: sid)[0]
            let arguments = #"{"price":"\#(price)","details":"oil change","availability":"tomorrow"}"#
            try await deployment.write(.asks("q", "extract_quote", arguments), session: epochs[sid] ?? 0, of: sid)
            _ = try await deployment.commands(atLeast: 2, of: sid)
        }
        try await deployment.write(
            .asks("t", "transfer_to_quotes_validator", #"{"reason":"compare"}"#),
            session: epochs[sids[0]] ?? 0,
            of: sids[0]
        )
        _ = try await deployment.commands(atLeast: 3, of: sids[0])
        // The others' quotes come by their topic.
        let comparison = try await eventually("all three are compared", timeout: .seconds(60)) {
            let count = try await deployment.records(of: .resultsComparisons, atLeast: 0, of: sids[0]).count
            let asks = CallEvent.OneOf_Body.asks("k\(count)", "compare_quotes", #"{"requestId":"req-1"}"#)
            try await deployment.write(asks, session: epochs[sids[0]] ?? 0, of: sids[0])
            let records = try await deployment.records(of: .resultsComparisons, atLeast: count + 1, of: sids[0])
            let value = try #require(records.last?.value)
            let comparison = try Comparison(jsonUTF8Bytes: Array(value.readableBytesView))
            return comparison.ranking.count == 3 ? comparison : nil
        }
        #expect(comparison.ranking.map(\.price) == ["39.50", "45.00", "60.00"])
        #expect(comparison.bestQuoteID == "\(sids[1]).q")
        #expect(comparison.summary.contains("Business 2"))
        #expect(comparison.ranking.allSatisfy { !$0.reasons.isEmpty })
        try await coordinator.stop()
        await deployment.end()
    }
}
