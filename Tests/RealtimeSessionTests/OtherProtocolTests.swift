import CallEvents
import Hummingbird
import Logging
import NIOCore
import OpenAIRealtime
import RealtimeSession
import TestSupport
import Testing
import WebSockets

/// A model that speaks words instead of JSON, for a driver that is not OpenAI's.
private enum WordProtocol {
    static let reply = "Good day to you."
    static let replyMs = 400

    /// Greets, is configured, and answers when it has heard 200 ms.
    static func serve(_ socket: WebSocket) async throws {
        try await socket.send(text: ByteBuffer(string: "hello"))
        var heard = 0
        for try await case .text(let message) in socket.inbound {
            switch String(buffer: message) {
            case "configure": try await socket.send(text: ByteBuffer(string: "configured"))
            case "sound":
                heard += 1
                guard heard == 10 else { continue }
                for word in ["begin", "tone", "silence", "text", "end"] {
                    try await socket.send(text: ByteBuffer(string: word))
                }
            default: break
            }
        }
    }

    struct Driver: ModelDriver {
        func message(appending audio: ByteBuffer) -> ByteBuffer { ByteBuffer(string: "sound") }

        mutating func message(_ command: ModelCommand) -> ByteBuffer {
            if case .configure = command { ByteBuffer(string: "configure") } else { ByteBuffer(string: "other") }
        }

        func event(_ message: ByteBuffer) throws(RealtimeMessageError) -> ModelEvent {
            let session = ModelSession(id: "w1", model: "words")
            switch String(buffer: message) {
            case "hello": return .opened(session)
            case "configured": return .configured(session)
            case "begin": return .responseStarted(responseID: "r1")
            case "tone":
                let tone = ByteBuffer(repeating: 0x20, count: WordProtocol.replyMs * 8)
                return .audio(responseID: "r1", itemID: "a1", contentIndex: 0, tone)
            case "silence": return .audioEnded(responseID: "r1", itemID: "a1")
            case "text": return .agentTranscript(responseID: "r1", itemID: "a1", WordProtocol.reply)
            case "end": return .responseEnded(ModelResponse(id: "r1", status: .completed))
            default: throw RealtimeMessageError(.notJSON, field: nil)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(3))) struct `Another protocol than OpenAI's` {
    @Test func `is another driver, and nothing else`() async throws {
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            router: Router(),
            logger: .quiet,
            onBound: { bound.yield($0) },
            upgrade: { _ in .accept { socket in try? await WordProtocol.serve(socket) } }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            guard let port = await ports.first(where: { _ in true }) else { return }
            try await Bench.run { bench in
                let url = "ws://127.0.0.1:\(port)/words"
                try await bench.withStage {
                    $0.url = url
                    $0.makeDriver = { WordProtocol.Driver() }
                } _: {
                    try await bench.agentFinished(1)
                }
                #expect(bench.conversation == ["agent: \(WordProtocol.reply)"])
                #expect(bench.phone.played.map(\.ms) == [WordProtocol.replyMs])
            }
            group.cancelAll()
        }
    }
}
