package import CallEvents
package import StageRuntime

/// ## Environment
/// - `HTTP_HOST` (default `0.0.0.0`), `HTTP_PORT` (default 3001; 0 takes a free one): where HTTP and streams arrive.
/// - `PUBLIC_URL` (required): the origin that Twilio calls; `https`, or `http` on loopback.
/// - `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN` (secret), `TWILIO_PHONE_NUMBER` (E.164): required.
/// - `TWILIO_API_URL` (default `https://api.twilio.com`): the REST API, also of an edge or region.
/// - `VOICE_AUDIO_PATH` (`pcm24k` or `passthrough`, default `pcm24k`): the path of calls that start here.
/// - `VOICE_STREAM_SILENCE_SECONDS` (5–3600, default 20): how long nothing at all may arrive on a stream's socket.
/// - `VOICE_API_TOKEN` (secret): bearer tokens for `initiate-call`, comma separated.
/// - `VOICE_ALLOW_ANONYMOUS` (default false): serve without `VOICE_API_TOKEN`.
package struct IngressConfiguration: Sendable {
    package var host: String
    package var port: Int
    package var publicURL: PublicURL
    package var accountSid: String
    package var authToken: String
    package var phoneNumber: PhoneNumber
    package var twilioAPIURL: String
    /// For one request to Twilio's REST API.
    package var twilioTimeout = Duration.seconds(15)
    package var audioPath: AudioPath
    /// How long nothing at all may arrive on a stream's socket until the call is looked up and the socket closed.
    package var streamSilence = Duration.seconds(20)
    /// Who may initiate calls.
    package var apiTokens: APITokens

    package init(
        host: String,
        port: Int,
        publicURL: PublicURL,
        accountSid: String,
        authToken: String,
        phoneNumber: PhoneNumber,
        twilioAPIURL: String,
        audioPath: AudioPath,
        apiTokens: APITokens
    ) {
        self.host = host
        self.port = port
        self.publicURL = publicURL
        self.accountSid = accountSid
        self.authToken = authToken
        self.phoneNumber = phoneNumber
        self.twilioAPIURL = twilioAPIURL
        self.audioPath = audioPath
        self.apiTokens = apiTokens
    }

    package init(_ settings: inout Settings) {
        self.host = settings.string("HTTP_HOST", default: "0.0.0.0", "Address for HTTP and Media Streams.")
        self.port = settings.int(
            "HTTP_PORT",
            default: 3001,
            in: 0...65_535,
            "Port for HTTP and Media Streams; 0: a free one."
        )
        self.publicURL = Self.publicURL(&settings)
        self.accountSid = settings.requiredString(
            "TWILIO_ACCOUNT_SID",
            "The Twilio account, AC and 32 hexadecimal digits."
        )
        self.authToken = settings.requiredSecret(
            "TWILIO_AUTH_TOKEN",
            "Signs REST requests and checks X-Twilio-Signature."
        )
        self.phoneNumber = Self.phoneNumber(&settings)
        let apiURL = settings.url(
            "TWILIO_API_URL",
            default: "https://api.twilio.com",
            schemes: ["https", "http"],
            "Twilio's REST API, also of an edge or region."
        )
        self.twilioAPIURL = apiURL.hasSuffix("/") ? String(apiURL.dropLast()) : apiURL
        self.audioPath =
            switch settings.choice(
                "VOICE_AUDIO_PATH",
                default: AudioPathName.pcm24k,
                "What the model takes: pcm24k through audio-transcoder, or passthrough."
            ) {
            case .pcm24k: .pcm24K
            case .passthrough: .passthrough
            }
        self.streamSilence = .seconds(
            settings.int(
                "VOICE_STREAM_SILENCE_SECONDS",
                default: 20,
                in: 5...3_600,
                "How long nothing at all may arrive on a stream's socket until it is closed."
            )
        )
        self.apiTokens = APITokens(&settings)
    }

    private enum AudioPathName: String, CaseIterable {
        case pcm24k
        case passthrough
    }

    private static func publicURL(_ settings: inout Settings) -> PublicURL {
        let text = settings.requiredString(
            "PUBLIC_URL",
            "The origin that Twilio calls, and that it signs: https://host[:port], http on loopback only."
        )
        if let url = PublicURL(text) { return url }
        // An absent value is reported by `requiredString`.
        if !text.isEmpty {
            settings.report("PUBLIC_URL must be https://host[:port] (http only on loopback), without path or query.")
        }
        return PublicURL("https://localhost")!
    }

    private static func phoneNumber(_ settings: inout Settings) -> PhoneNumber {
        let text = settings.requiredString("TWILIO_PHONE_NUMBER", "The number that calls are made from, E.164.")
        if let number = PhoneNumber(text) { return number }
        if !text.isEmpty { settings.report("TWILIO_PHONE_NUMBER must be E.164, such as +15551234567.") }
        return PhoneNumber("+10")!
    }
}
