import Agents
import AsyncHTTPClient
import CallEvents
import CallFlow
import Crypto
import Foundation
import JSON
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import Synchronization

/// A tool call that another system is to carry out.
struct HTTPToolCall: Sendable {
    var call: ToolCall
    var callSid: String
    var requestID: String
    var businessName: String
    var tool: HTTPTool

    /// What is posted, as JSON. The arguments were checked against the tool's schema.
    var body: String {
        let arguments = (try? JSONValue(parsing: self.call.arguments)) ?? [:]
        return JSONValue.object([
            "callSid": .string(self.callSid), "requestId": .string(self.requestID),
            "businessName": .string(self.businessName), "agent": .string(self.call.agent),
            "tool": .string(self.tool.name), "toolCallId": .string(self.call.toolCallID), "arguments": arguments,
        ]).text
    }

    /// The same for every attempt at this call, by whatever instance.
    var idempotencyKey: String { "\(self.callSid)/\(self.call.toolCallID)" }
}

/// What became of it.
struct FinishedToolCall: Sendable {
    var callSid: String
    var completed: ToolCompleted
}

/// Carries out the tools of other systems: a POST each, signed, with an idempotency key and a time-out.
///
/// An attempt is repeated when it was not sent, and, of a tool that is declared `repeatable`, when it had no answer or
/// one that promises that another attempt may do better (429, 5xx). What has no outcome in the end is `timeout`, or
/// `unknown_outcome` when it must not be done twice.
final class HTTPToolRunner: Service, Sendable {
    /// At the same time, of all calls; further ones fail at once.
    static let limit = 256
    private static let maxOutputBytes = 16 << 10

    private struct State {
        var running: Set<String> = []
        var finished: [FinishedToolCall] = []
    }

    private let client: HTTPClient
    private let logger: Logger
    private let state = Mutex(State())
    private let calls: AsyncStream<HTTPToolCall>
    private let submit: AsyncStream<HTTPToolCall>.Continuation
    /// Called when there is something to take.
    private let wake = Mutex<(@Sendable () -> Void)?>(nil)

    init(client: HTTPClient = .shared, logger: Logger) {
        self.client = client
        self.logger = logger
        (self.calls, self.submit) = AsyncStream.makeStream()
    }

    func onFinished(_ wake: @escaping @Sendable () -> Void) {
        self.wake.withLock { $0 = wake }
    }

    /// Begins a call, unless it is under way.
    func start(_ call: HTTPToolCall) {
        enum Admission { case new, underWay, tooMany }
        let admission = self.state.withLock { state -> Admission in
            if state.running.contains(call.idempotencyKey) { return .underWay }
            guard state.running.count < Self.limit else { return .tooMany }
            state.running.insert(call.idempotencyKey)
            return .new
        }
        switch admission {
        case .new: self.submit.yield(call)
        case .underWay: break
        case .tooMany:
            let error = ToolError("\(call.tool.name) is overloaded. Go on without it.", code: .failed)
            self.finish(call, error.completed(call.call))
        }
    }

    /// Whether this process is at work on it.
    func isRunning(_ call: ToolCall, of callSid: String) -> Bool {
        self.state.withLock { $0.running.contains("\(callSid)/\(call.toolCallID)") }
    }

    func takeFinished() -> [FinishedToolCall] {
        self.state.withLock { state in
            defer { state.finished = [] }
            return state.finished
        }
    }

    /// Their events could not be written.
    func putBack(_ finished: [FinishedToolCall]) {
        self.state.withLock { $0.finished = finished + $0.finished }
    }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for await call in self.calls.cancelOnGracefulShutdown() {
                group.addTask {
                    let completed = await self.completed(call)
                    // Whoever ends in the middle of it knows nothing: the next owner decides.
                    if !Task.isCancelled { self.finish(call, completed) }
                }
            }
            group.cancelAll()
        }
    }

    private func finish(_ call: HTTPToolCall, _ completed: ToolCompleted) {
        self.state.withLock { state in
            state.running.remove(call.idempotencyKey)
            state.finished.append(FinishedToolCall(callSid: call.callSid, completed: completed))
        }
        self.wake.withLock(\.self)?()
    }

    // MARK: One call

    private enum Attempt {
        case done(ToolCompleted)
        /// Another attempt may do better.
        case failed(ToolError, wasSent: Bool)
    }

    private func completed(_ call: HTTPToolCall) async -> ToolCompleted {
        let deadline = ContinuousClock.now + call.tool.timeout
        var attemptsLeft = call.tool.retries
        while true {
            switch await self.attempt(call, within: deadline - .now) {
            case .done(let completed): return completed
            case .failed(let error, let wasSent):
                self.logger.warning(
                    "Tool of another system failed",
                    metadata: [
                        LogKey.callSid: "\(call.callSid)", "tool": "\(call.tool.name)", LogKey.error: "\(error.code)",
                    ]
                )
                let mayTry = attemptsLeft > 0 && (call.tool.isRepeatable || !wasSent)
                guard mayTry, deadline - .now > Self.pause, !Task.isCancelled else { return error.completed(call.call) }
                attemptsLeft -= 1
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// In front of each further attempt.
    private static let pause = Duration.milliseconds(250)

    private func attempt(_ call: HTTPToolCall, within time: Duration) async -> Attempt {
        do {
            let response = try await self.client.execute(self.request(call), timeout: TimeAmount(time))
            let body = try await response.body.collect(upTo: Self.maxOutputBytes)
            return self.outcome(of: call, status: Int(response.status.code), body: String(buffer: body))
        } catch let error as HTTPClientError where error == .connectTimeout {
            return .failed(self.unreachable(call), wasSent: false)
        } catch is NIOConnectionError {
            return .failed(self.unreachable(call), wasSent: false)
        } catch {
            return .failed(self.unanswered(call), wasSent: true)
        }
    }

    private func outcome(of call: HTTPToolCall, status: Int, body: String) -> Attempt {
        switch status {
        case 200..<300:
            // Whatever is no JSON is text.
            let output =
                (try? JSONValue(parsing: body)) ?? (body.isEmpty ? ["status": "done"] : ["result": .string(body)])
            return .done(
                .with {
                    $0.toolCallID = call.call.toolCallID
                    $0.name = call.call.name
                    $0.succeeded = true
                    $0.output = output.text
                }
            )
        case 429, 500...:
            let isRefused = status == 429 || status == 503
            let error = call.tool.isRepeatable || isRefused ? self.refused(call, status, body) : self.unanswered(call)
            return .failed(error, wasSent: !isRefused)
        default: return .done(self.refused(call, status, body).completed(call.call))
        }
    }

    private func request(_ call: HTTPToolCall) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: call.tool.url)
        let body = call.body
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Idempotency-Key", value: call.idempotencyKey)
        if let secret = call.tool.secret {
            let signature = HTTPToolSignature(body: body, secret: secret, atSeconds: UnixTime.nowUs / 1_000_000)
            request.headers.add(name: HTTPToolSignature.header, value: signature.value)
        }
        request.body = .bytes(ByteBuffer(string: body))
        return request
    }

    private func unreachable(_ call: HTTPToolCall) -> ToolError {
        ToolError("\(call.tool.name) cannot be reached. Go on without it.", code: .failed)
    }

    private func unanswered(_ call: HTTPToolCall) -> ToolError {
        ToolError.unanswered(call.tool.name, mayRepeat: call.tool.isRepeatable)
    }

    private func refused(_ call: HTTPToolCall, _ status: Int, _ body: String) -> ToolError {
        let problem = try? JSONValue(parsing: body)
        let detail = problem?["detail"]?.stringValue ?? problem?["title"]?.stringValue ?? "status \(status)"
        return ToolError("\(call.tool.name) answered: \(detail.prefix(500))", code: .failed)
    }
}

/// How a tool knows that a call is ours and fresh: `t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
struct HTTPToolSignature {
    static let header = "LifeHub-Signature"

    var value: String

    init(body: String, secret: String, atSeconds: Int64) {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(atSeconds).\(body)".utf8),
            using: SymmetricKey(data: Array(secret.utf8))
        )
        let hex = code.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        self.value = "t=\(atSeconds),v1=\(hex.joined())"
    }
}
