import AsyncHTTPClient
import CallEvents
import JSON
import NIOHTTP1
import NIOPosix
import StageRuntime
import TestSupport
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

@Suite(.timeLimit(.minutes(2))) struct TwilioWebhooksTests {
    private static func call(_ ingress: Ingress, _ status: String = "in-progress") -> [FormField] {
        [FormField("CallSid", ingress.callSid.rawValue), FormField("CallStatus", status), FormField("Empty", "")]
    }

    /// The value of an attribute or element in a document, unescaped.
    private static func part(_ text: String, after start: String, before end: String) throws -> String {
        let from = try #require(text.firstRange(of: start)).upperBound
        let rest = text[from...]
        return String(rest[..<(try #require(rest.firstRange(of: end)).lowerBound)]).replacing("&amp;", with: "&")
    }

    @Test func `an answered call is connected to a stream with a token of its own`() async throws {
        try await Ingress.run { ingress in
            let answer = try await ingress.webhook("/api/voice/twiml", Self.call(ingress))
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "content-type") == "text/xml; charset=utf-8")
            #expect(answer.text.contains(#"<Stream url="ws://127.0.0.1:9/api/voice/stream" "#))
            #expect(answer.text.contains(#"statusCallback="http://127.0.0.1:9/api/voice/stream-status#"#))
            let text = try Self.part(answer.text, after: #"<Parameter name="token" value=""#, before: "\"")
            let token = StreamToken.Authority(authToken: Ingress.authToken).verify(text, now: UnixTime.nowSeconds)
            #expect(token?.callSid == ingress.callSid)
            #expect(token?.streamEpoch == 1)
            let action = try Self.part(answer.text, after: #"<Connect action=""#, before: "\"")
            let redirect = try Self.part(answer.text, after: "<Redirect>", before: "<")
            #expect(action == redirect)
            #expect(action.hasPrefix("http://127.0.0.1:9/api/voice/twiml?epoch=2&attempt=1&at="))

            #expect(action.hasSuffix("#rc=2&rp=5xx,ct,rt"))

            let again = try await ingress.webhook(action, Self.call(ingress))
            #expect(again.text.contains("epoch=3&amp;attempt=2&amp;at="))
            let overAndOut = try await ingress.webhook(action, Self.call(ingress, "completed"))
            #expect(overAndOut.text.hasSuffix("<Response><Hangup/></Response>"))
        }
    }

    @Test func `a call whose streams do not stay is given up with an apology`() async throws {
        try await Ingress.run { ingress in
            let path = "/api/voice/twiml?epoch=9&attempt=6&at=\(UnixTime.nowMs)"
            let answer = try await ingress.webhook(path, Self.call(ingress))
            #expect(answer.text.contains("<Say>We are sorry"))
            #expect(answer.text.hasSuffix("<Hangup/></Response>"))
        }
    }

    @Test func `TwiML may be asked for by GET`() async throws {
        try await Ingress.run { ingress in
            let path = "/api/voice/twiml?CallSid=\(ingress.callSid)&CallStatus=in-progress"
            let signature = TwilioSignature(authToken: Ingress.authToken).compute(url: Ingress.publicURL + path)
            let answer = try await ingress.send(.GET, path, headers: ["x-twilio-signature": signature])
            #expect(answer.status == 200 && answer.text.contains("<Stream"))
        }
    }

    @Test func `what is not signed is refused`() async throws {
        try await Ingress.run { ingress in
            let form = FormFields(Self.call(ingress)).encoded
            let foreign = TwilioSignature(authToken: "another")
                .compute(url: Ingress.publicURL + "/api/voice/status", content: .form(FormFields(Self.call(ingress))))
            for path in ["twiml", "status", "amd", "stream-status"].map({ "/api/voice/\($0)" }) {
                for headers in [[:], ["x-twilio-signature": ""], ["x-twilio-signature": foreign]] as [HTTPHeaders] {
                    let answer = try await ingress.send(.POST, path, headers: headers, body: form)
                    #expect(answer.status == 403 && answer.isProblem)
                }
            }
            #expect(try await ingress.send(.GET, "/api/voice/twiml?CallSid=CA1").status == 403)
            #expect(try await ingress.events().isEmpty)
        }
    }

    @Test func `signed nonsense is refused`() async throws {
        try await Ingress.run { ingress in
            let cases: [(path: String, fields: [FormField])] = [
                ("/api/voice/twiml", []),
                ("/api/voice/twiml", [FormField("CallSid", "CA1")]),
                ("/api/voice/twiml?epoch=0", Self.call(ingress)),
                ("/api/voice/twiml?request=a/b", Self.call(ingress)),
                ("/api/voice/amd", Self.call(ingress)),
                ("/api/voice/stream-status", Self.call(ingress) + [FormField("StreamSid", "MZ1")]),
                ("/api/voice/status", Self.call(ingress, "ringing") + [FormField("SequenceNumber", "x")]),
                ("/api/voice/status", [FormField("CallStatus", "ringing")]),
            ]
            for (path, fields) in cases {
                let answer = try await ingress.webhook(path, fields)
                #expect(answer.status == 400 && answer.isProblem, "\(path) \(fields)")
            }
        }
    }

    @Test func `a status callback becomes an event with an id that a repetition shares`() async throws {
        try await Ingress.run { ingress in
            let fields =
                Self.call(ingress, "completed") + [
                    FormField("SequenceNumber", "3"), FormField("CallDuration", "42"),
                    FormField("SipResponseCode", "200"),
                ]
            for _ in 0..<2 { #expect(try await ingress.webhook("/api/voice/status", fields).status == 204) }
            #expect(try await ingress.webhook("/api/voice/status", Self.call(ingress, "ringing")).status == 204)
            let events = try await ingress.events()
            #expect(
                events.map(\.eventID) == [3, 3, 1].map { "status/\(ingress.callSid)/\($0)" }
            )
            #expect(events[0].statusChanged.status == "completed")
            #expect(events[0].statusChanged.sequenceNumber == 3)
            #expect(events[0].statusChanged.durationSeconds == 42)
            #expect(events[0].statusChanged.sipResponseCode == 200)
        }
    }

    @Test func `a plain GET of the stream says what it is`() async throws {
        try await Ingress.run { ingress in
            let answer = try await ingress.send(.GET, "/api/voice/stream")
            #expect(answer.status == 426)
            #expect(answer.headers.first(name: "upgrade") == "websocket")
            #expect(answer.json["url"] == "ws://127.0.0.1:9/api/voice/stream")
        }
    }

    @Test(
        arguments: [
            (path: "/api/voice/stream", signed: nil, status: 403),
            (path: "/api/voice/stream", signed: "http://127.0.0.1:9/api/voice/stream", status: 403),
            (path: "/api/voice/stream?a=b", signed: "ws://127.0.0.1:9/api/voice/stream?a=b", status: 400),
            (path: "/api/voice/other", signed: "ws://127.0.0.1:9/api/voice/other", status: 404),
        ] as [(path: String, signed: String?, status: Int)]
    )
    func `an upgrade without the right signature is refused before it`(
        _ path: String,
        _ signed: String?,
        _ status: Int
    ) async throws {
        try await Ingress.run { ingress in
            var headers = HTTPHeaders()
            if let signed {
                let signature = TwilioSignature(authToken: Ingress.authToken).compute(url: signed)
                headers.add(name: "x-twilio-signature", value: signature)
            }
            let client = WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
            let error = await #expect(throws: WebSocketError.self) {
                try await client.connect(to: "ws://127.0.0.1:\(ingress.port)\(path)", headers: headers) { _ in }
            }
            #expect(error?.code == .notUpgraded && error?.status == status)
        }
    }
}
