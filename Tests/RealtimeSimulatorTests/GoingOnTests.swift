import JSON
import RealtimeSimulator
import Speech
import Testing

@Suite(.timeLimit(.minutes(1)))
struct `A reply that was cut off` {
    /// What the person said, the pieces of the answer so far, and what is left to do.
    static let cuts: [(heard: String, pieces: [String], said: [String], called: [String])] = [
        ("goodbye", ["Thank"], ["bye"], ["end_call"]),
        ("goodbye", ["Thank", "you very"], ["bye"], ["end_call"]),
        ("goodbye", [Speech.utterance("bye")?.text ?? ""], [], ["end_call"]),
        ("greeting", ["Hello, I am", "calling for"], ["ask"], []),
    ]

    @Test(arguments: Self.cuts)
    func `goes on where it was quoted, as the answer that it is`(
        heard: String,
        pieces: [String],
        said: [String],
        called: [String]
    ) async throws {
        try await withSimulator(Script(pace: 1000, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.create("user", "input_text", try #require(Speech.utterance(heard)).text)
                for piece in pieces { try await peer.create("assistant", "output_text", piece) }
                let quote = "Go on after: \(pieces.last ?? "")"
                try await peer.send(["type": "response.create", "response": ["instructions": .string(quote)]])
                try await peer.wait("response.done")
                #expect(simulator.sessions[0].responses.map(\.said) == [said])
                #expect(simulator.sessions[0].responses.map(\.called) == [called])
            }
        }
    }

    @Test func `is not gone on with when it is not quoted`() async throws {
        try await withSimulator(Script(pace: 1000, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.create("user", "input_text", try #require(Speech.utterance("goodbye")).text)
                try await peer.create("assistant", "output_text", "Thank")
                let other = "Say something."
                try await peer.send(["type": "response.create", "response": ["instructions": .string(other)]])
                try await peer.wait("response.done")
                #expect(simulator.sessions[0].responses.map(\.called) == [[]])
            }
        }
    }
}
