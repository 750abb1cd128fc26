import Foundation
import JSON
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import RealtimeSimulator
import Speech
import Synchronization
import TestSupport
import Testing
import WebSockets

/// Runs `body` against a simulator on a free port.
func withSimulator(
    _ script: Script = Script(thinkMs: 0),
    apiKey: String? = "test-key",
    _ body: @Sendable (RealtimeSimulator) async throws -> Void
) async throws {
    var configuration = RealtimeSimulator.Configuration()
    configuration.apiKey = apiKey
    configuration.script = script
    let simulator = RealtimeSimulator(
        configuration: configuration,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
    try await withThrowingTaskGroup { group in
        group.addTask { try await simulator.run() }
        try await body(simulator)
        group.cancelAll()
    }
}

/// Connects as a client of the API and runs `body` when `session.created` came.
func withSession(
    _ simulator: RealtimeSimulator,
    model: String = "gpt-realtime-2.1",
    headers: HTTPHeaders = ["Authorization": "Bearer test-key"],
    _ body: @Sendable (Peer) async throws -> Void
) async throws {
    let url = await simulator.url + "?model=\(model)"
    try await WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton).connect(
        to: url,
        headers: headers
    ) { socket in
        let peer = Peer(socket)
        try await withThrowingTaskGroup { group in
            group.addTask { await peer.read() }
            try await peer.wait("session.created")
            try await body(peer)
            group.cancelAll()
        }
    }
}

/// The client's end of a session: sends events, and keeps all that come.
final class Peer: Sendable {
    let socket: WebSocket
    private let received = Mutex<[JSONValue]>([])
    private let hasEnded = Mutex(false)

    init(_ socket: WebSocket) {
        self.socket = socket
    }

    /// All events so far, in their order.
    var events: [JSONValue] { self.received.withLock { $0 } }

    var types: [String] { self.events.map { $0["type"]?.stringValue ?? "" } }

    func events(_ type: String) -> [JSONValue] {
        self.events.filter { $0["type"]?.stringValue == type }
    }

    func read() async {
        do {
            for try await message in self.socket.inbound {
                guard case .text(let text) = message else { continue }
                let event = try JSONValue(parsing: text.readableBytesView)
                self.received.withLock { $0.append(event) }
            }
        } catch {
            // The tests look at what came.
        }
        self.hasEnded.withLock { $0 = true }
    }

    func send(_ json: String) async throws {
        try await self.socket.send(text: ByteBuffer(string: json))
    }

    func send(_ event: JSONValue) async throws {
        try await self.send(event.text)
    }

    func append(_ bytes: some Collection<UInt8>) async throws {
        try await self.send(["type": "input_audio_buffer.append", "audio": .string(base64(bytes))])
    }

    /// Appends mu-law in frames of 20 ms, without waiting for them to pass.
    func speak(_ codes: [UInt8]) async throws {
        for start in stride(from: 0, to: codes.count, by: 160) {
            try await self.append(codes[start..<min(start + 160, codes.count)])
        }
    }

    /// Appends a recording between silences that are long enough for the detector.
    func speak(_ name: String, lead: Int = 4800, tail: Int = 6400) async throws {
        let codes = try #require(Speech.utterance(name)).mulaw
        try await self.speak(Turn(codes, lead: lead, tail: tail).codes)
    }

    /// A session as on the phone: mu-law both ways, transcription, and the demo's tools.
    func configure(_ changes: [String: JSONValue] = [:], detection: JSONValue? = nil) async throws {
        var session: [String: JSONValue] = [
            "type": "realtime",
            "audio": [
                "input": [
                    "format": ["type": "audio/pcmu"], "transcription": ["model": "gpt-transcribe"],
                    "turn_detection": detection ?? ["type": "server_vad", "silence_duration_ms": 500],
                ],
                "output": ["format": ["type": "audio/pcmu"], "voice": "marin"],
            ],
            "tools": [
                ["type": "function", "name": "extract_quote", "parameters": ["type": "object"]],
                ["type": "function", "name": "end_call", "parameters": ["type": "object"]],
            ],
        ]
        session.merge(changes) { $1 }
        let before = self.events("session.updated").count
        try await self.send(["type": "session.update", "session": .object(session)])
        try await self.wait("session.updated", count: before + 1)
    }

    /// The `count`-th event of this type.
    @discardableResult
    func wait(_ type: String, count: Int = 1, within limit: Duration = .seconds(30)) async throws -> JSONValue {
        try await eventually(
            "\(count) × \(type)",
            timeout: limit,
            every: .milliseconds(2),
            detail: "\(self.types)\n\(self.events("error"))"
        ) {
            self.events(type).dropFirst(count - 1).first
        }
    }

    /// The error with which `json` is answered.
    func refusal(of json: String) async throws -> JSONValue {
        let before = self.events("error").count
        try await self.send(json)
        return try #require(try await self.wait("error", count: before + 1)["error"])
    }

    func refusal(of event: JSONValue) async throws -> JSONValue {
        try await self.refusal(of: event.text)
    }

    func waitForEnd(within limit: Duration = .seconds(30)) async throws {
        try await eventually("the end of the socket", timeout: limit) { self.hasEnded.withLock { $0 } ? () : nil }
    }
}

func base64(_ bytes: some Collection<UInt8>) -> String {
    Data(bytes).base64EncodedString()
}

func bytes(base64 text: String?) -> [UInt8] {
    Array(Data(base64Encoded: text ?? "") ?? Data())
}
