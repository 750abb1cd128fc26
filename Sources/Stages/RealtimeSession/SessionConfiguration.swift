import JSON
package import OpenAIRealtime
import StageRuntime

/// How the Realtime service is reached and what is asked of it.
///
/// ## Configuration variables
/// - `OPENAI_API_KEY` (required, secret; also `OPENAI_API_KEY_FILE`): the bearer of the connection.
/// - `OPENAI_REALTIME_URL` (default `wss://api.openai.com/v1/realtime`): `ws` only on loopback.
/// - `OPENAI_REALTIME_MODEL` (default `gpt-realtime-2.1`): one that is shut down is refused, with its replacement.
/// - `OPENAI_REALTIME_VOICE` (default `marin`).
/// - `OPENAI_CA_FILE` (optional): PEM of roots that are trusted beside the system's.
/// - `VOICE_REALTIME_SILENCE_MS` (default 1000, 400 … 30000): a connection on which nothing is heard for so long, pongs
///   included, is given up.
/// - `OPENAI_REALTIME_NOISE_REDUCTION` (default `off`; `near_field`, `far_field`): before turn detection and the model.
/// - `OPENAI_TRANSCRIPTION_MODEL` (default `gpt-transcribe`), `OPENAI_TRANSCRIPTION_LANGUAGE` (default `en`, ISO 639-1).
/// - `VOICE_TOOL_TIMEOUT_SECONDS` (default 20, 1 … 600): how long the model waits for a tool's output.
/// - `VOICE_PRICES_FILE` (optional): JSON of prices by model, over those of November 2026 (`PriceTable`).
/// - `VOICE_SESSION_AGE_SECONDS` (default 3000, 10 … 3500): how old a session of the model becomes before another one
///   takes its place, in a silence.
package struct SessionConfiguration: Sendable {
    /// Without a query.
    package var url: String
    package var model: String
    /// Of the protocol that the service speaks.
    package var makeDriver: @Sendable () -> any ModelDriver
    /// Never logged.
    package var apiKey: String
    package var policy = Conversation.Policy()
    /// A connection on which nothing is heard for so long is dead.
    package var silenceLimit = Duration.seconds(1)
    /// PEM of roots that are trusted beside the system's.
    package var trustedRootsFile: String?

    package init(
        url: String,
        model: String,
        apiKey: String,
        makeDriver: @escaping @Sendable () -> any ModelDriver = { OpenAIDriver() }
    ) {
        self.url = url
        self.model = model
        self.apiKey = apiKey
        self.makeDriver = makeDriver
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
        self.silenceLimit = .milliseconds(
            settings.int(
                "VOICE_REALTIME_SILENCE_MS",
                default: 1000,
                in: 400...30_000,
                "A connection on which nothing is heard for so long, pongs included, is given up."
            )
        )
        settings.declare("OPENAI_CA_FILE", "PEM file of roots that are trusted beside the system's.")
        if settings.contents(ofFileIn: "OPENAI_CA_FILE") != nil {
            self.trustedRootsFile = settings.all(withPrefix: "OPENAI_CA_FILE")["OPENAI_CA_FILE"]
        }
        let driver = Self.driver(&settings)
        self.makeDriver = { OpenAIDriver(driver) }
        self.policy = Self.policy(&settings, transcriptionModel: driver.transcription.model)
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

    /// What holds for agents that do not say otherwise.
    private static func driver(_ settings: inout Settings) -> OpenAIDriver.Configuration {
        OpenAIDriver.Configuration(
            voice: settings.string("OPENAI_REALTIME_VOICE", default: "marin", "The agent's voice."),
            noiseReduction: settings.choice(
                "OPENAI_REALTIME_NOISE_REDUCTION",
                default: ClientEvent.NoiseReduction.off,
                "Taken out of the person's audio before the model hears it."
            ),
            transcription: ClientEvent.Transcription(
                model: settings.string(
                    "OPENAI_TRANSCRIPTION_MODEL",
                    default: "gpt-transcribe",
                    "The model that writes down the person's words."
                ),
                language: settings.string(
                    "OPENAI_TRANSCRIPTION_LANGUAGE",
                    default: "en",
                    "The person's language, ISO 639-1."
                )
            )
        )
    }

    private static func policy(_ settings: inout Settings, transcriptionModel: String) -> Conversation.Policy {
        var policy = Conversation.Policy()
        policy.transcriptionModel = transcriptionModel
        policy.sessionAge = .seconds(
            settings.int(
                "VOICE_SESSION_AGE_SECONDS",
                default: 3000,
                in: 10...3500,
                "How old a session of the model becomes before another takes its place, in a silence."
            )
        )
        policy.toolTimeout = .seconds(
            settings.int(
                "VOICE_TOOL_TIMEOUT_SECONDS",
                default: 20,
                in: 1...600,
                "How long the model waits for a tool's output before it is told to go on without it."
            )
        )
        settings.declare("VOICE_PRICES_FILE", "JSON of prices by model, in US dollars, over the built-in list.")
        guard let text = settings.contents(ofFileIn: "VOICE_PRICES_FILE") else { return policy }
        do {
            policy.prices = try PriceTable(json: JSONValue(parsing: text))
        } catch let problem as PriceTable.Problem {
            settings.report("VOICE_PRICES_FILE: \(problem.text).")
        } catch {
            settings.report("VOICE_PRICES_FILE is not JSON.")
        }
        return policy
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
