package import CallEvents
package import StageRuntime

/// ## Environment
/// - `HTTP_HOST` (default `0.0.0.0`), `HTTP_PORT` (default 3001; 0 takes a free one): where HTTP and streams arrive.
/// - `PUBLIC_URL` (required): the origin that Twilio calls; `https`, or `http` on loopback.
/// - `TWILIO_ACCOUNT_SID`, `TWILIO_PHONE_NUMBER` (E.164): required.
/// - `TWILIO_AUTH_TOKEN` (secret, required): several, comma separated, while one replaces another: the first is used for
///   REST and signs stream tokens; signatures and stream tokens of all are accepted.
/// - `TWILIO_API_URL` (default `https://api.twilio.com`): the REST API, also of an edge or region.
/// - `VOICE_AUDIO_PATH` (`pcm24k` or `passthrough`, default `pcm24k`): the path of calls that start here.
/// - `VOICE_DRAIN_SECONDS` (default 3600, 0–86400): how long calls in progress may go on after SIGTERM; 0 moves them to
///   another instance at once.
/// - `VOICE_STREAM_SILENCE_SECONDS` (5–3600, default 20): how long nothing at all may arrive on a stream's socket.
/// - `VOICE_COMFORT_TONE` (default true): a soft tone about every 3 s while a stream's call has no session.
/// - `VOICE_ALLOWED_PREFIXES` (default: the country code of `TWILIO_PHONE_NUMBER`; `*` for all): which numbers may be
///   called, such as `+1,+44`.
/// - `VOICE_CALLS_PER_MINUTE` (default 60, 1–10000): calls that one API token may request of this instance.
/// - `VOICE_MAX_CALLS` (default 200, 1–100000): calls in progress at the same time, of all instances.
/// - `TWILIO_CALLS_PER_SECOND` (default 1, 0.01–100): what the account may dial; who comes too fast waits, 30 s at most.
/// - `TWILIO_MACHINE_DETECTION` (`enable`, `detect-message-end` or `off`, default `enable`): asynchronous.
/// - `TWILIO_RING_SECONDS` (default 60, 5–600): how long a phone rings before the call is given up.
/// - `TWILIO_TIME_LIMIT_SECONDS` (default 3600, 60–86400): Twilio ends a call that lasts longer; a backstop.
/// - `VOICE_API_TOKEN` (secret): bearer tokens for `initiate-call`, comma separated.
/// - `VOICE_ALLOW_ANONYMOUS` (default false): serve without `VOICE_API_TOKEN`.
package struct IngressConfiguration: Sendable {
    package var host: String
    package var port: Int
    package var publicURL: PublicURL
    package var accountSid: String
    /// At least one: the first is ours to use, all are accepted.
    package var authTokens: [String]
    package var phoneNumber: PhoneNumber
    package var twilioAPIURL: String
    /// For one request to Twilio's REST API.
    package var twilioTimeout = Duration.seconds(15)
    /// How long an instance stays out of a group that it was put out of.
    package var rejoinAfter = Duration.seconds(30)
    package var destinations: DestinationPolicy
    /// Of one API token.
    package var callsPerMinute = 60
    /// In progress at the same time, of all instances.
    package var maxCalls = 200
    package var twilioCallsPerSecond = 1.0
    package var machineDetection = MachineDetection.enable
    /// Seconds.
    package var ringSeconds = 60
    /// Seconds; Twilio ends a call that lasts longer.
    package var timeLimitSeconds = 3_600
    package var audioPath: AudioPath
    /// How long streams may go on after the process was told to stop.
    package var drainLimit = Duration.seconds(3_600)
    /// How long nothing at all may arrive on a stream's socket until the call is looked up and the socket closed.
    package var streamSilence = Duration.seconds(20)
    /// Whether a stream whose call has no session is given a tone about every 3 s.
    package var hasComfortTone = true
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
        self.authTokens = [authToken]
        self.phoneNumber = phoneNumber
        self.destinations = DestinationPolicy(countryOf: phoneNumber)
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
        self.authTokens = Self.authTokens(&settings)
        self.phoneNumber = Self.phoneNumber(&settings)
        let apiURL = settings.url(
            "TWILIO_API_URL",
            default: "https://api.twilio.com",
            schemes: ["https", "http"],
            "Twilio's REST API, also of an edge or region."
        )
        self.twilioAPIURL = apiURL.hasSuffix("/") ? String(apiURL.dropLast()) : apiURL
        self.destinations = Self.destinations(&settings, from: self.phoneNumber)
        self.audioPath =
            switch settings.choice(
                "VOICE_AUDIO_PATH",
                default: AudioPathName.pcm24k,
                "What the model takes: pcm24k through audio-transcoder, or passthrough."
            ) {
            case .pcm24k: .pcm24K
            case .passthrough: .passthrough
            }
        self.apiTokens = APITokens(&settings)
        self.readCalls(&settings)
        self.readStreams(&settings)
    }

    /// How calls are made, and how many.
    private mutating func readCalls(_ settings: inout Settings) {
        self.callsPerMinute = settings.int(
            "VOICE_CALLS_PER_MINUTE",
            default: 60,
            in: 1...10_000,
            "Calls that one API token may request of this instance."
        )
        self.maxCalls = settings.int(
            "VOICE_MAX_CALLS",
            default: 200,
            in: 1...100_000,
            "Calls in progress at the same time, of all instances."
        )
        self.twilioCallsPerSecond = settings.decimal(
            "TWILIO_CALLS_PER_SECOND",
            default: 1,
            in: 0.01...100,
            "What the account may dial; who comes too fast waits, 30 s at most."
        )
        self.machineDetection = settings.choice(
            "TWILIO_MACHINE_DETECTION",
            default: MachineDetection.enable,
            "Whether Twilio tells people from answering machines; the conversation does not wait for it."
        )
        self.ringSeconds = settings.int(
            "TWILIO_RING_SECONDS",
            default: 60,
            in: 5...600,
            "How long a phone rings, in seconds."
        )
        self.timeLimitSeconds = settings.int(
            "TWILIO_TIME_LIMIT_SECONDS",
            default: 3_600,
            in: 60...86_400,
            "Twilio ends a call that lasts longer, in seconds: a backstop."
        )
    }

    /// How long streams may go on or be silent.
    private mutating func readStreams(_ settings: inout Settings) {
        self.drainLimit = .seconds(
            settings.int(
                "VOICE_DRAIN_SECONDS",
                default: 3_600,
                in: 0...86_400,
                "How long calls in progress may go on after SIGTERM; 0 moves them to another instance at once."
            )
        )
        self.streamSilence = .seconds(
            settings.int(
                "VOICE_STREAM_SILENCE_SECONDS",
                default: 20,
                in: 5...3_600,
                "How long nothing at all may arrive on a stream's socket until it is closed."
            )
        )
        self.hasComfortTone = settings.bool(
            "VOICE_COMFORT_TONE",
            default: true,
            "Whether a caller hears a soft tone about every 3 s while the call has no session."
        )
    }

    /// No call of ours lasts longer, from the request to its end.
    var longestCall: Duration { .seconds(self.ringSeconds + self.timeLimitSeconds + 60) }

    /// The one that REST requests are made with.
    var authToken: String { self.authTokens.first ?? "" }

    /// Twilio's `MachineDetection`; always asynchronous.
    package enum MachineDetection: String, Sendable, CaseIterable {
        case enable
        /// The verdict comes when the machine's greeting is over.
        case detectMessageEnd = "detect-message-end"
        case off
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

    private static func authTokens(_ settings: inout Settings) -> [String] {
        let text = settings.requiredSecret(
            "TWILIO_AUTH_TOKEN",
            "Used for REST, and checks X-Twilio-Signature; several, comma separated: the first is used, all are accepted."
        )
        let tokens = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        if !tokens.isEmpty { return tokens }
        if !text.isEmpty { settings.report("TWILIO_AUTH_TOKEN holds no token: set it to one, or several with commas.") }
        return [""]
    }

    private static func destinations(
        _ settings: inout Settings,
        from number: PhoneNumber
    ) -> DestinationPolicy {
        let ofCountry = "the country code of TWILIO_PHONE_NUMBER"
        let text = settings.string(
            "VOICE_ALLOWED_PREFIXES",
            default: ofCountry,
            "What numbers that may be called begin with, such as +1,+44; * allows all."
        )
        if text == ofCountry { return DestinationPolicy(countryOf: number) }
        if let policy = DestinationPolicy(text) { return policy }
        settings.report("VOICE_ALLOWED_PREFIXES must be * or comma separated prefixes, such as +1,+44.")
        return DestinationPolicy(countryOf: number)
    }

    private static func phoneNumber(_ settings: inout Settings) -> PhoneNumber {
        let text = settings.requiredString("TWILIO_PHONE_NUMBER", "The number that calls are made from, E.164.")
        if let number = PhoneNumber(text) { return number }
        if !text.isEmpty { settings.report("TWILIO_PHONE_NUMBER must be E.164, such as +15551234567.") }
        return PhoneNumber("+10")!
    }
}
