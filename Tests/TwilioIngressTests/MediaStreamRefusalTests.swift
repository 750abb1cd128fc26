import CallEvents
import NIOCore
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

/// What a socket must show, and what garbage on it can do: nothing to other calls.
@Suite(.timeLimit(.minutes(2))) struct MediaStreamRefusalTests {
    @Test func `a stream needs a token of its own call that is neither foreign, old nor used`() async throws {
        try await Ingress.run { ingress in
            let other = try #require(CallSid("CA" + String(repeating: "0", count: 32)))
            let used = ingress.token(epoch: 2)
            try await ingress.connect { line in
                try await line.start(token: used, callSid: ingress.callSid)
                try await eventually("started") { try await !ingress.events().isEmpty }
            }
            let tokens: [String?] = [
                nil, "", "garbage", used,
                ingress.token(epoch: 1),
                ingress.token(epoch: 3, callSid: other),
                ingress.token(epoch: 3, validFor: -1),
                ingress.token(epoch: 3, authToken: "another"),
            ]
            for token in tokens {
                try await ingress.connect { line in
                    try await line.start(token: token, callSid: ingress.callSid)
                    try await eventually("refused") { line.isClosed }
                    #expect(line.closeCode == 1008)
                }
            }
            #expect(try await ingress.events().filter { $0.eventID.hasPrefix("stream-started/") }.count == 1)
        }
    }

    @Test(arguments: [
        "garbage", "", "{}", #"{"event":"media","media":{"payload":"/w=="}}"#, #"{"event":"stop"}"#,
        #"{"event":"start","start":{"streamSid":"MZ1","callSid":"nonsense"}}"#,
        #"{"event":"start","start":{"mediaFormat":{"encoding":"audio/opus"}}}"#,
    ])
    func `what is no stream's beginning ends that socket`(_ text: String) async throws {
        try await Ingress.run { ingress in
            try await ingress.connect { line in
                try await line.socket.send(text: ByteBuffer(string: text))
                try await eventually("refused") { line.isClosed }
                #expect(line.closeCode == 1008)
            }
            #expect(try await ingress.events().isEmpty)
        }
    }

    @Test func `garbage on one socket disturbs no other call`() async throws {
        try await Ingress.run { ingress in
            try await ingress.call { line in
                try await ingress.connect { other in
                    try await other.socket.send(binary: ByteBuffer(repeating: 0, count: 100))
                    try await eventually("refused") { other.isClosed }
                }
                try await ingress.connect { other in
                    try? await other.socket.send(text: ByteBuffer(repeating: 0x20, count: 100_000))
                    try await eventually("refused") { other.isClosed }
                }
                for text in ["garbage", "{", #"{"event":"news"}"#, #"{"event":"media","media":{"payload":"%"}}"#] {
                    try await line.socket.send(text: ByteBuffer(string: text))
                }
                try await line.socket.send(binary: ByteBuffer(repeating: 0, count: 100))
                try await line.speak(3, atMs: 0)
                try await eventually("a frame") { try await ingress.heardFrames().count == 1 }
                #expect(!line.isClosed)
            }
        }
    }
}
