import CallEvents
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

/// Who may call what Twilio calls, through real sockets.
@Suite(.timeLimit(.minutes(2))) struct SignatureTests {
    private static let old = "00000000000000000000000000000001"
    private static let path = "/api/voice/status"

    private static func fields(_ ingress: Ingress) -> [FormField] {
        [FormField("CallSid", ingress.callSid.rawValue), FormField("CallStatus", "ringing")]
    }

    @Test func `while the auth token is replaced, both are accepted, and the first is used`() async throws {
        try await Ingress.run(
            adjust: { $0.authTokens = [Ingress.authToken, Self.old] },
            body: { ingress in
                let fields = Self.fields(ingress)
                for token in [Ingress.authToken, Self.old] {
                    #expect(try await ingress.webhook(Self.path, fields, authToken: token).status == 204)
                }
                #expect(try await ingress.webhook(Self.path, fields, authToken: "another").status == 403)

                let twiml = try await ingress.webhook("/api/voice/twiml", fields, authToken: Self.old)
                let text = try #require(twiml.text.firstMatch(of: /name="token" value="([^"]*)"/)?.1)
                #expect(StreamToken.Authority(authToken: Ingress.authToken).verify(String(text), now: 0) != nil)

                for (epoch, token) in [(1, Ingress.authToken), (2, Self.old)] as [(UInt32, String)] {
                    let client = WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
                    let signature = TwilioSignature(authToken: token).compute(url: "ws://127.0.0.1:9/api/voice/stream")
                    try await client.connect(
                        to: "ws://127.0.0.1:\(ingress.port)/api/voice/stream",
                        headers: ["x-twilio-signature": signature]
                    ) { socket in
                        let line = PhoneLine(socket: socket)
                        try await line.start(
                            token: ingress.token(epoch: epoch, authToken: token),
                            callSid: ingress.callSid
                        )
                        try await eventually("started with a token of \(epoch)") {
                            try await ingress.events().contains { $0.streamStarted.streamEpoch == epoch }
                        }
                    }
                }
            }
        )
    }

    @Test(
        arguments: [
            ("https://voice.example.com", 204), ("https://voice.example.com:443", 204),
            ("http://voice.example.com", 403), ("https://evil.example.com", 403), ("https://voice.example.com:80", 403),
        ]
    )
    func `the public URL is what is signed, whatever a proxy or a client says of the host`(
        _ origin: String,
        _ status: Int
    ) async throws {
        try await Ingress.run(
            adjust: { $0.publicURL = PublicURL("https://voice.example.com")! },
            body: { ingress in
                let form = FormFields(Self.fields(ingress))
                let signature = TwilioSignature(authToken: Ingress.authToken)
                let headers: HTTPHeaders = [
                    "host": "evil.example.com", "x-forwarded-host": "evil.example.com", "x-forwarded-proto": "http",
                    "content-type": "application/x-www-form-urlencoded",
                    "x-twilio-signature": signature.compute(url: origin + Self.path, content: .form(form)),
                ]
                let answer = try await ingress.send(.POST, Self.path, headers: headers, body: form.encoded)
                #expect(answer.status == status)
            }
        )
    }

    @Test(
        arguments: [
            ("wss://voice.example.com", 101), ("https://voice.example.com", 403), ("ws://voice.example.com", 403),
            ("wss://evil.example.com", 403),
        ]
    )
    func `the public URL is what is signed for the upgrade, too`(_ origin: String, _ status: Int) async throws {
        try await Ingress.run(
            adjust: { $0.publicURL = PublicURL("https://voice.example.com")! },
            body: { ingress in
                for slash in ["", "/"] {
                    let answer = try await Self.upgrade(ingress, signedFor: origin + "/api/voice/stream" + slash)
                    #expect(answer == status)
                }
            }
        )
    }

    /// - Returns: the status of the answer.
    private static func upgrade(_ ingress: Ingress, signedFor url: String) async throws -> Int {
        let client = WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let signature = TwilioSignature(authToken: Ingress.authToken).compute(url: url)
        do {
            return try await client.connect(
                to: "ws://127.0.0.1:\(ingress.port)/api/voice/stream",
                headers: [
                    "x-forwarded-host": "evil.example.com", "x-forwarded-proto": "http",
                    "x-twilio-signature": signature,
                ]
            ) { _ in 101 }
        } catch let error as WebSocketError where error.code == .notUpgraded {
            return error.status ?? 0
        }
    }

    @Test func `of a GET only what is signed is read, and of a body that is no form only its hash`() async throws {
        try await Ingress.run { ingress in
            let signature = TwilioSignature(authToken: Ingress.authToken)
            let get = "/api/voice/amd?CallSid=\(ingress.callSid)&AnsweredBy=human"
            let signed = ["x-twilio-signature": signature.compute(url: Ingress.publicURL + get)] as HTTPHeaders
            let body = "AnsweredBy=fax"
            let answer = try await ingress.send(.GET, get, headers: signed, body: body)
            #expect(answer.status == 204)
            #expect(try await ingress.events().map(\.machineDetected.answeredBy) == ["human"])

            let json = #"{"AnsweredBy":"fax"}"#
            // SHA-256 of that text.
            let hash = "d676a6fe0df43b1e0341df4af713fb50ca20639d0873b47225fb9c3ddd76d435"
            let post = get + "&bodySHA256=\(hash)"
            let headers: HTTPHeaders = [
                "content-type": "application/json",
                "x-twilio-signature": signature.compute(url: Ingress.publicURL + post),
            ]
            #expect(try await ingress.send(.POST, post, headers: headers, body: json).status == 204)
            #expect(try await ingress.send(.POST, post, headers: headers, body: json + " ").status == 403)
            #expect(try await ingress.send(.POST, get, headers: headers, body: json).status == 403)
            var asForm = headers
            asForm.replaceOrAdd(name: "content-type", value: "application/x-www-form-urlencoded")
            #expect(try await ingress.send(.POST, post, headers: asForm, body: json).status == 403)
            #expect(try await ingress.events().allSatisfy { $0.machineDetected.answeredBy == "human" })
        }
    }

    @Test func `a second signature, or one that is empty, opens nothing`() async throws {
        try await Ingress.run { ingress in
            let path = "/api/voice/twiml?CallSid=\(ingress.callSid)"
            let right = TwilioSignature(authToken: Ingress.authToken).compute(url: Ingress.publicURL + path)
            let answer = try await ingress.send(.GET, path, headers: ["x-twilio-signature": right])
            #expect(answer.status == 200)
            for given in [["x", right], [right, "x"], [""], []] {
                let headers = HTTPHeaders(given.map { ("x-twilio-signature", $0) })
                #expect(try await ingress.send(.GET, path, headers: headers).status == 403)
            }
        }
    }
}
