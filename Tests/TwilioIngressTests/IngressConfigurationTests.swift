import CallEvents
import StageRuntime
import Testing

@testable import TwilioIngress

@Suite struct IngressConfigurationTests {
    private static let good = [
        "PUBLIC_URL": "https://voice.example.com/",
        "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_PHONE_NUMBER": "+15005550006",
        "VOICE_API_TOKEN": "one, two",
    ]

    private static func read(_ environment: [String: String]) -> (IngressConfiguration, problems: [String]) {
        var settings = Settings(environment: environment)
        let configuration = IngressConfiguration(&settings)
        return (configuration, settings.problems)
    }

    @Test func `defaults are those of the README`() {
        let (configuration, problems) = Self.read(Self.good)
        #expect(configuration.streamSilence == .seconds(20) && configuration.hasComfortTone)
        #expect(problems.isEmpty)
        #expect(configuration.host == "0.0.0.0" && configuration.port == 3001)
        #expect(configuration.publicURL.stream == "wss://voice.example.com/api/voice/stream")
        #expect(configuration.twilioAPIURL == "https://api.twilio.com")
        #expect(configuration.audioPath == .pcm24K)
        #expect(configuration.destinations == DestinationPolicy("+1"))
        #expect(configuration.callsPerMinute == 60 && configuration.maxCalls == 200)
        #expect(configuration.twilioCallsPerSecond == 1 && configuration.machineDetection == .enable)
        #expect(configuration.ringSeconds == 60 && configuration.timeLimitSeconds == 3_600)
        #expect(configuration.apiTokens.accepts(authorization: "Bearer two"))
        #expect(!configuration.apiTokens.accepts(authorization: nil))
    }

    @Test func `the comfort tone can be turned off`() {
        let (configuration, problems) = Self.read(Self.good.merging(["VOICE_COMFORT_TONE": "off"]) { $1 })
        #expect(problems.isEmpty && !configuration.hasComfortTone)
    }

    @Test func `all that is missing is reported at once`() {
        let (_, problems) = Self.read([:])
        for name in [
            "PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER", "VOICE_API_TOKEN",
        ] {
            #expect(problems.filter { $0.contains(name) }.count == 1, "\(name): \(problems)")
        }
        #expect(problems.count == 5)
    }

    @Test(arguments: [
        ("PUBLIC_URL", "http://voice.example.com"), ("PUBLIC_URL", "https://voice.example.com/api"),
        ("PUBLIC_URL", "voice.example.com"), ("TWILIO_PHONE_NUMBER", "5005550006"),
        ("VOICE_AUDIO_PATH", "opus"), ("HTTP_PORT", "99999"), ("TWILIO_API_URL", "ftp://x"),
        ("VOICE_API_TOKEN", " , "), ("VOICE_ALLOWED_PREFIXES", "1,44"), ("VOICE_CALLS_PER_MINUTE", "0"),
        ("VOICE_MAX_CALLS", "-1"), ("TWILIO_CALLS_PER_SECOND", "0"), ("TWILIO_CALLS_PER_SECOND", "nan"),
        ("TWILIO_MACHINE_DETECTION", "maybe"), ("TWILIO_RING_SECONDS", "601"), ("TWILIO_TIME_LIMIT_SECONDS", "59"),
    ])
    func `a bad value is one problem`(_ name: String, _ value: String) {
        var environment = Self.good
        environment[name] = value
        let (_, problems) = Self.read(environment)
        #expect(problems.count == 1 && problems[0].contains(name), "\(problems)")
    }

    @Test func `what may be dialled, and how, can be chosen`() {
        let (configuration, problems) = Self.read(
            Self.good.merging([
                "VOICE_ALLOWED_PREFIXES": "+44, +49", "TWILIO_CALLS_PER_SECOND": "2.5",
                "TWILIO_MACHINE_DETECTION": "detect-message-end",
            ]) { $1 }
        )
        #expect(problems.isEmpty)
        #expect(configuration.destinations == DestinationPolicy("+44,+49"))
        #expect(configuration.twilioCallsPerSecond == 2.5 && configuration.machineDetection == .detectMessageEnd)
        let everywhere = Self.read(Self.good.merging(["VOICE_ALLOWED_PREFIXES": "*"]) { $1 })
        #expect(everywhere.problems.isEmpty && everywhere.0.destinations == .everywhere)
        let british = Self.read(Self.good.merging(["TWILIO_PHONE_NUMBER": "+442071234567"]) { $1 })
        #expect(british.0.destinations == DestinationPolicy("+44"))
    }

    @Test func `anonymous clients and passthrough must be asked for`() {
        var environment = Self.good
        environment["VOICE_API_TOKEN"] = nil
        environment["VOICE_ALLOW_ANONYMOUS"] = "true"
        environment["VOICE_AUDIO_PATH"] = "passthrough"
        let (configuration, problems) = Self.read(environment)
        #expect(problems.isEmpty)
        #expect(configuration.apiTokens.accepts(authorization: nil))
        #expect(configuration.audioPath == .passthrough)
    }

    @Test(
        arguments: [
            ("https://voice.example.com", "wss://voice.example.com/api/voice/stream"),
            ("https://voice.example.com:8443/", "wss://voice.example.com:8443/api/voice/stream"),
            ("http://127.0.0.1:3000", "ws://127.0.0.1:3000/api/voice/stream"),
            ("http://localhost", "ws://localhost/api/voice/stream"),
            ("http://[::1]:3000", "ws://[::1]:3000/api/voice/stream"),
            ("http://127.0.0.1.example.com", nil), ("http://10.0.0.1", nil), ("https://", nil), ("https://a/b", nil),
            ("https://a?b", nil), ("https://a#b", nil), ("https://u:p@a", nil), ("https://a b", nil), ("ftp://a", nil),
            ("", nil),
        ] as [(String, String?)]
    )
    func `a public URL is an origin, and secure beyond loopback`(_ text: String, _ stream: String?) {
        #expect(PublicURL(text)?.stream == stream)
    }
}
