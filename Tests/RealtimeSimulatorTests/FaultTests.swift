import Foundation
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import RealtimeSimulator
import TestSupport
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct FaultTests {
    private static func faulty(_ fault: SessionFault) -> Script {
        Script(pace: 100, thinkMs: 0, faults: [fault])
    }

    @Test(arguments: [429, 503])
    func `answers the upgrade with an HTTP status, so often as the script says`(_ status: Int) async throws {
        let script = Self.faulty(SessionFault(.upgrade, .refuse(status: status), times: 2))
        try await withSimulator(script) { simulator in
            for _ in 0..<2 {
                let error = await #expect(throws: WebSocketError.self) { try await withSession(simulator) { _ in } }
                #expect(error?.code == .notUpgraded)
                #expect(error?.status == status)
            }
            try await withSession(simulator) { peer in try await peer.configure() }
            #expect(simulator.refusedUpgrades == 2)
            #expect(simulator.sessions.count == 1)
        }
    }

    static let drops: [SessionFault] = [
        SessionFault(.open(ms: 50), .drop, times: 1), SessionFault(.sent(events: 2), .drop, times: 1),
        SessionFault(.received(events: 2), .drop, times: 1), SessionFault(.heard(ms: 500), .drop, times: 1),
    ]

    @Test(arguments: drops)
    func `drops a socket without a close, and leaves the next alone`(_ fault: SessionFault) async throws {
        try await withSimulator(Self.faulty(fault)) { simulator in
            try await withSession(simulator) { peer in
                try? await peer.configure()
                try? await peer.speak("greeting")
                try await peer.waitForEnd()
                #expect(peer.socket.closedWith == nil)
            }
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                try await peer.wait("response.done")
            }
            #expect(simulator.sessions.map(\.number) == [1, 2])
        }
    }

    @Test func `drops a socket in the middle of a reply`() async throws {
        let rule = Rule(.heard("greeting"), [.say("ask", fault: .drop, faultAtMs: 1500)], times: 1)
        try await withSimulator(Script(pace: 20, thinkMs: 0, rules: [rule] + Script.demoRules)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                try await peer.waitForEnd()
                let audio = peer.events("response.output_audio.delta").map { bytes(base64: $0["delta"]?.stringValue) }
                #expect((12_000..<16_000).contains(audio.joined().count))
                #expect(!peer.types.contains("response.done"))
            }
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                #expect(try await peer.wait("response.done")["response"]?["status"] == "completed")
            }
        }
    }

    @Test(arguments: ["rate_limit_exceeded", "server_error", "insufficient_quota"])
    func `fails a response, and answers when it is asked again`(_ code: String) async throws {
        let rule = Rule(.heard("greeting"), [.fault(.fail(.init(code: code)))], times: 1)
        try await withSimulator(Script(pace: 100, thinkMs: 0, rules: [rule] + Script.demoRules)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                let failed = try #require(try await peer.wait("response.done")["response"])
                #expect(failed["status"] == "failed")
                #expect(failed["status_details"]?["type"] == "failed")
                #expect(failed["status_details"]?["error"]?["code"]?.stringValue == code)
                #expect(failed["output"] == [])
                try await peer.send(#"{"type":"response.create"}"#)
                let done = try await peer.wait("response.done", count: 2)
                #expect(done["response"]?["status"] == "completed")
                #expect(simulator.sessions[0].responses.map(\.said) == [[], ["ask"]])
                #expect(simulator.sessions[0].responses[0].reason == code)
            }
        }
    }

    @Test func `sends an error event and goes on`() async throws {
        let fault = SessionFault(.open(ms: 0), .error(.init(code: "server_error", message: "Oops.")))
        try await withSimulator(Self.faulty(fault)) { simulator in
            try await withSession(simulator) { peer in
                let error = try await peer.wait("error")
                #expect(
                    error["error"] == [
                        "type": "server_error", "code": "server_error", "message": "Oops.", "param": .null,
                        "event_id": .null,
                    ]
                )
                try await peer.configure()
            }
        }
    }

    @Test func `closes with a code`() async throws {
        let fault = SessionFault(.open(ms: 20), .close(code: 1011, reason: "internal"))
        try await withSimulator(Self.faulty(fault)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.waitForEnd()
                #expect(peer.socket.closedWith == WebSocket.Close(code: 1011, reason: "internal"))
            }
        }
    }

    @Test func `ends a session at its maximum age`() async throws {
        try await withSimulator(Script(sessionSeconds: 0.1)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.waitForEnd()
                #expect(peer.events("error").first?["error"]?["code"] == "session_expired")
                #expect(peer.socket.closedWith?.code == 1001)
            }
        }
        try await withSimulator(Script(sessionSeconds: 600)) { simulator in
            try await withSession(simulator) { peer in
                let expiry = try #require(peer.events("session.created")[0]["session"]?["expires_at"]?.intValue)
                let inSeconds = expiry - Int(Date().timeIntervalSince1970)
                #expect((595...600).contains(inSeconds))
            }
        }
    }

    @Test func `stalls, and then sends what it held back`() async throws {
        let rule = Rule(.opening, [.say("ask", fault: .stall(ms: 400), faultAtMs: 1000)])
        try await withSimulator(Script(pace: 1000, thinkMs: 0, rules: [rule])) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                let start = ContinuousClock.now
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.output_audio.delta")
                try await peer.send(#"{"type":"input_audio_buffer.clear"}"#)
                try await peer.wait("response.done")
                #expect(.now - start >= .milliseconds(400))
                try await peer.wait("input_audio_buffer.cleared")
            }
        }
    }

    @Test func `breaks all connections on demand`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.wait("session.created")
                simulator.dropConnections()
                try await peer.waitForEnd()
                #expect(peer.socket.closedWith == nil)
            }
        }
    }

    @Test func `plays dead: the socket stays open, and neither pings nor events are answered`() async throws {
        let fault = SessionFault(.received(events: 2), .mute)
        try await withSimulator(Self.faulty(fault)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                let before = ContinuousClock.now
                try await peer.socket.sendPing()
                try await eventually("a pong") { peer.socket.lastHeard >= before }
                try await peer.send(#"{"type":"response.create"}"#)
                // Its last word.
                try await peer.wait("response.created")
                let heard = peer.socket.lastHeard
                try await peer.socket.sendPing()
                // Long enough for what is answered at all.
                try await Task.sleep(for: .milliseconds(500))
                #expect(peer.socket.lastHeard == heard)
                #expect(peer.types.last == "response.created")
                #expect(simulator.sessions[0].isOpen)
                peer.socket.abort()
            }
        }
    }

    @Test func `sends what is no event, and goes on`() async throws {
        let texts = ["nonsense", #"{"type": 5}"#]
        let faults = texts.map { SessionFault(.open(ms: 0), .garbage($0)) }
        try await withSimulator(Script(pace: 100, thinkMs: 0, faults: faults)) { simulator in
            try await WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton).connect(
                to: await simulator.url + "?model=gpt-realtime-2.1",
                headers: ["Authorization": "Bearer test-key"]
            ) { socket in
                var received: [String] = []
                for try await case .text(let text) in socket.inbound {
                    received.append(String(buffer: text))
                    if received.count == 3 { break }
                }
                #expect(received.dropFirst() == texts[...])
            }
        }
    }

    @Test func `speaks another format than it was asked for, and says so`() async throws {
        let fault = SessionFault(.open(ms: 0), .format("audio/pcma"))
        try await withSimulator(Self.faulty(fault)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                let audio = peer.events("session.updated").last?["session"]?["audio"]
                #expect(audio?["output"]?["format"]?["type"] == "audio/pcma")
                #expect(audio?["input"]?["format"]?["type"] == "audio/pcmu")
            }
        }
    }

    @Test func `says that the account has little left`() async throws {
        let script = Script(pace: 100, thinkMs: 0, tokensLeft: 400, tokenResetSeconds: 600)
        try await withSimulator(script) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create"}"#)
                let limits = try #require(try await peer.wait("rate_limits.updated")["rate_limits"]?.arrayValue?.first)
                #expect(limits["limit"] == 40_000)
                #expect((0...400).contains(limits["remaining"]?.intValue ?? -1))
                #expect((590...600).contains(limits["reset_seconds"]?.doubleValue ?? 0))
            }
        }
    }
}
