package import OpenAIRealtime
import StageRuntime

/// How the Realtime service is reached and what is asked of it.
///
/// ## Configuration variables
/// - `OPENAI_API_KEY` (required, secret; also `OPENAI_API_KEY_FILE`): the bearer of the connection.
/// - `OPENAI_REALTIME_URL` (default `wss://api.openai.com/v1/realtime`): `ws` only on loopback.
/// - `OPENAI_REALTIME_MODEL` (default `gpt-realtime-2.1`): one that is shut down is refused, with its replacement.
/// - `OPENAI_REALTIME_VOICE` (default `marin`).
/// - `VOICE_SESSION_AGE_SECONDS` (default 3000, 10 … 3500): how old a session of the model becomes before another one
///   takes its place, in a silence.
package struct SessionConfiguration: Sendable {
    /// Without a query.
    package var url: String
    package var model: String
    package var driver: OpenAIDriver.Configuration
    /// Never logged.
    package var apiKey: String
    package var policy = Conversation.Policy()

    package init(url: String, model: String, driver: OpenAIDriver.Configuration, apiKey: String) {
        self.url = url
        self.model = model
        self.driver = driver
        self.apiKey = apiKey
    }

    init(_ settings: inout Settings) {
        self.apiKey = settings.requiredSecret("OPENAI_API_KEY", "Bearer of the connection to the Realtime service.")
        self.url = settings.url(
            "OPENAI_REALTIME_URL",
            default: "wss://api.openai.com/v1/realtime",
            schemes: ["wss", "ws"],
            "The Realtime service; ws only on loopback."
        )
        self.model = settings.string(
            "OPENAI_REALTIME_MODEL",
            default: "gpt-realtime-2.1",
            "The speech-to-speech model."
        )
        self.driver = OpenAIDriver.Configuration(
            voice: settings.string("OPENAI_REALTIME_VOICE", default: "marin", "The agent's voice.")
        )
        self.policy.sessionAge = .seconds(
            settings.int(
                "VOICE_SESSION_AGE_SECONDS",
                default: 3000,
                in: 10...3500,
                "How old a session of the model becomes before another takes its place, in a silence."
            )
        )
        if self.url.lowercased().hasPrefix("ws://"), !Self.isLoopback(self.url) {
            settings.report("OPENAI_REALTIME_URL must begin with wss://: ws:// would send the key in clear.")
        }
        if let replacement = Self.replacement(of: self.model) {
            settings.report("OPENAI_REALTIME_MODEL \(self.model) is shut down: use \(replacement).")
        }
        if self.model.contains(where: { !$0.isLetter && !$0.isNumber && !"-._:".contains($0) }) {
            settings.report("OPENAI_REALTIME_MODEL is not the name of a model.")
        }
    }

    /// What the connection is opened with.
    var connectURL: String { "\(self.url)?model=\(self.model)" }

    /// What takes the place of a model that does not exist any more; nil for all others.
    package static func replacement(of model: String) -> String? {
        if model.hasPrefix("gpt-4o-mini-realtime-preview") { return "gpt-realtime-2.1-mini" }
        if model.hasPrefix("gpt-4o-realtime-preview") { return "gpt-realtime-2.1" }
        return nil
    }

    private static func isLoopback(_ url: String) -> Bool {
        let authority = url.dropFirst("ws://".count).prefix { !"/?#".contains($0) }.lowercased()
        let host =
            authority.hasPrefix("[")
            ? String(authority.prefix { $0 != "]" }.dropFirst()) : String(authority.prefix { $0 != ":" })
        return host == "localhost" || host == "::1" || (host.hasPrefix("127.") && !host.contains { $0.isLetter })
    }
}
