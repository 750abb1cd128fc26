import JSON
import RealtimeSimulator
import Speech
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ItemTests {
    private static let fast = Script(pace: 1000, thinkMs: 0)

    private static func user(_ id: String, _ extra: String = "") -> String {
        #"{"type":"conversation.item.create"\#(extra),"item":{"id":"\#(id)","type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}"#
    }

    @Test func `places items, and refuses an id twice`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.send(Self.user("a"))
                try await peer.send(Self.user("c"))
                try await peer.send(Self.user("b", #","previous_item_id":"a""#))
                try await peer.send(Self.user("first", #","previous_item_id":"root""#))
                try await peer.wait("conversation.item.done", count: 4)
                #expect(
                    peer.events("conversation.item.added").map { $0["previous_item_id"] ?? nil }
                        == [.null, "a", "a", .null]
                )
                #expect(simulator.sessions[0].items.map { $0["id"] } == ["first", "a", "b", "c"])
                #expect(try await peer.refusal(of: Self.user("b"))["code"] == "item_create_duplicate_item_id")
                try await peer.send(#"{"type":"conversation.item.delete","item_id":"b"}"#)
                #expect(try await peer.wait("conversation.item.deleted")["item_id"] == "b")
                #expect(simulator.sessions[0].items.map { $0["id"] } == ["first", "a", "c"])
            }
        }
    }

    @Test func `gives the audio of an item only on request`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("goodbye")
                try await peer.wait("response.done")
                try await peer.wait("conversation.item.input_audio_transcription.completed")
                for event in peer.events("conversation.item.added") {
                    #expect(event["item"]?["content"]?.arrayValue?.first?["audio"] == nil)
                }
                let ids = simulator.sessions[0].items.compactMap { $0["id"]?.stringValue }
                for id in ids.prefix(2) {
                    try await peer.send(#"{"type":"conversation.item.retrieve","item_id":"\#(id)"}"#)
                }
                try await peer.wait("conversation.item.retrieved", count: 2)
                let contents = peer.events("conversation.item.retrieved").compactMap {
                    $0["item"]?["content"]?.arrayValue?.first
                }
                #expect(contents.map { $0["type"] } == ["input_audio", "output_audio"])
                #expect(
                    contents.map { $0["transcript"]?.stringValue }
                        == ["goodbye", "bye"].map { Speech.utterance($0)?.text }
                )
                let heard = bytes(base64: contents[0]["audio"]?.stringValue)
                let spoken = try #require(Speech.utterance("goodbye")).mulaw
                // The padding before, the utterance, and the silence that ended it.
                #expect((spoken.count + 2400...spoken.count + 7000).contains(heard.count))
                #expect(bytes(base64: contents[1]["audio"]?.stringValue) == Speech.utterance("bye")?.mulaw)
            }
        }
    }

    @Test func `truncates what was not played, and forgets the words`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create"}"#)
                let done = try await peer.wait("response.done")
                let id = try #require(done["response"]?["output"]?.arrayValue?.first?["id"]?.stringValue)
                func truncate(_ ms: Int, _ index: Int = 0) -> String {
                    #"{"type":"conversation.item.truncate","item_id":"\#(id)","content_index":\#(index),"audio_end_ms":\#(ms)}"#
                }
                let tooLong = try await peer.refusal(of: truncate(3981))
                #expect(tooLong["code"] == "invalid_value")
                #expect(tooLong["message"]?.stringValue?.contains("already shorter than") ?? false)
                #expect(try await peer.refusal(of: truncate(100, 1))["param"] == "content_index")
                try await peer.send(truncate(1440))
                let truncated = try await peer.wait("conversation.item.truncated")
                #expect(truncated["item_id"]?.stringValue == id)
                #expect(truncated["audio_end_ms"] == 1440)
                #expect(try await peer.refusal(of: truncate(1441))["code"] == "invalid_value")
                #expect(
                    simulator.sessions[0].truncations == [.init(itemID: id, audioEndMs: 1440, itemMs: 3980)]
                )
                try await peer.send(#"{"type":"conversation.item.retrieve","item_id":"\#(id)"}"#)
                let content = try await peer.wait("conversation.item.retrieved")["item"]?["content"]?.arrayValue?.first
                #expect(content?["transcript"] == .null)
                #expect(bytes(base64: content?["audio"]?.stringValue).count == 8 * 1440)
            }
        }
    }

    @Test func `truncates only what the assistant said`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.send(Self.user("mine"))
                try await peer.send(
                    #"{"type":"conversation.item.create","item":{"id":"text","type":"message","role":"assistant","content":[{"type":"output_text","text":"x"}]}}"#
                )
                func truncate(_ id: String) -> String {
                    #"{"type":"conversation.item.truncate","item_id":"\#(id)","content_index":0,"audio_end_ms":0}"#
                }
                #expect(try await peer.refusal(of: truncate("mine"))["code"] == "invalid_value")
                #expect(try await peer.refusal(of: truncate("text"))["code"] == "invalid_value")
                #expect(try await peer.refusal(of: truncate("none"))["code"] == "item_truncate_invalid_item_id")
            }
        }
    }
}
