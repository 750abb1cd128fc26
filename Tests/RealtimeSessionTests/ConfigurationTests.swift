import Foundation
import RealtimeSession
import StageRuntime
import Testing

@Suite struct `The stage's configuration` {
    private func problems(_ environment: [String: String]) -> [String] {
        var settings = Settings(environment: environment)
        _ = RealtimeSessionStage.configure(&settings)
        return settings.problems
    }

    @Test func `needs only the key`() {
        #expect(self.problems(["OPENAI_API_KEY": "k"]).isEmpty)
        #expect(self.problems([:]).count == 1)
    }

    @Test(arguments: [
        ("gpt-4o-realtime-preview", "gpt-realtime-2.1"), ("gpt-4o-realtime-preview-2024-12-17", "gpt-realtime-2.1"),
        ("gpt-4o-mini-realtime-preview", "gpt-realtime-2.1-mini"),
    ])
    func `refuses a model that is shut down and names the one to use`(_ model: String, _ replacement: String) {
        let problems = self.problems(["OPENAI_API_KEY": "k", "OPENAI_REALTIME_MODEL": model])
        #expect(problems.count == 1)
        #expect(problems.first?.contains("use \(replacement).") == true)
    }

    @Test(arguments: [
        ("ws://127.0.0.1:4020/v1/realtime", true), ("ws://localhost/v1", true), ("ws://[::1]:1/v1", true),
        ("ws://api.openai.com/v1/realtime", false), ("ws://127.0.0.1.example.com/", false),
        ("ws://localhost.example.com/", false), ("wss://example.com/v1", true), ("https://example.com", false),
    ])
    func `takes ws only on loopback`(_ url: String, _ isGood: Bool) {
        #expect(self.problems(["OPENAI_API_KEY": "k", "OPENAI_REALTIME_URL": url]).isEmpty == isGood)
    }

    @Test func `never shows the key`() {
        let problems = self.problems([
            "OPENAI_API_KEY": "sk-secret", "OPENAI_REALTIME_URL": "ftp://x", "OPENAI_REALTIME_MODEL": "a b",
        ])
        #expect(problems.count == 2)
        #expect(!problems.joined().contains("sk-secret"))
    }

    @Test(arguments: [
        (#"{"gpt-realtime-2.1": {"textIn": 5}}"#, nil), (#"{"m": {"textIn": -1}}"#, "m.textIn"),
        (#"{"m": {"perToken": 1}}"#, "m.perToken"), (#"{"m": 4}"#, "prices of m"), ("[]", "JSON object"),
        ("{", "not JSON"),
    ])
    func `reads prices, and says which one is wrong`(_ text: String, _ problem: String?) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let problems = self.problems(["OPENAI_API_KEY": "k", "VOICE_PRICES_FILE": file.path])
        #expect(problems.count == (problem == nil ? 0 : 1))
        if let problem { #expect(problems.first?.contains(problem) == true, "\(problems)") }
    }
}
