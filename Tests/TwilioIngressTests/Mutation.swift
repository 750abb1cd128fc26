import NIOCore
import NIOHTTP1
import SeededRandom
import TwilioMedia

/// Makes messages and requests that are nearly right, or not at all.
struct Mutation {
    private(set) var generator: SeededGenerator

    init(seed: UInt64) {
        self.generator = SeededGenerator(seed: seed)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self.generator) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self.generator)]
    }

    mutating func bytes(_ range: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: range, using: &self.generator)).map { _ in UInt8.random(in: 0...255, using: &self.generator)
        }
    }

    /// One to four bytes changed, gone or new, or the rest cut off, or a piece of it again.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self.generator) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &self.generator)
            switch Int.random(in: 0..<12, using: &self.generator) {
            case 0...3: bytes[index] = UInt8.random(in: 0...255, using: &self.generator)
            case 4...6: bytes.remove(at: index)
            case 7...9: bytes.insert(UInt8.random(in: 0...255, using: &self.generator), at: index)
            case 10: bytes.insert(contentsOf: bytes[index...].prefix(200), at: index)
            default: bytes.removeSubrange(index...)
            }
        }
        return bytes
    }

    /// A message of a stream, with its numbers sometimes far off.
    mutating func streamMessage(_ index: UInt64) -> [UInt8] {
        let far: [UInt64] = [0, 1, .max, 1 << 53, 4_294_967_295, index &+ 100_000]
        let chunk = self.chance(10) ? self.pick(far) : index
        let timestampMs = self.chance(10) ? self.pick(far) : 20 * index
        let events: [MediaStreamEvent] = [
            .media(.init(chunk: chunk, timestampMs: timestampMs, payload: ByteBuffer(bytes: self.bytes(0...400)))),
            .media(.init(chunk: chunk, timestampMs: timestampMs, payload: ByteBuffer(repeating: 0x55, count: 160))),
            .media(.init(track: .outbound, chunk: nil, timestampMs: nil, payload: ByteBuffer())),
            .mark(name: self.pick(["0.0", "0.1", "9.9", "", "💥", String(repeating: "m", count: 5_000)])),
            .dtmf(digit: self.pick(["1", "#", "", "ab"])),
            .connected(protocolName: "Call", version: "1.0.0"),
            .other(event: self.pick(["news", "clear", "media "])),
        ]
        var text = ByteBuffer()
        let event = self.chance(1) ? MediaStreamEvent.stop(accountSid: "", callSid: "") : self.pick(events)
        event.write(to: &text, streamSid: PhoneLine.streamSid, sequenceNumber: index)
        let bytes = Array(text.readableBytesView)
        if self.chance(2) { return self.bytes(0...2_000) }
        if self.chance(2) { return Array(String(repeating: "[{\"media\":", count: 1_000).utf8) }
        return self.chance(75) ? self.mutated(bytes) : bytes
    }

    /// Well-formed HTTP with contents that are not.
    mutating func request() -> (method: HTTPMethod, path: String, headers: HTTPHeaders, body: [UInt8]) {
        let call = "CA" + String(repeating: self.pick(["0", "a", "z"]), count: 32)
        let paths = [
            "/api/voice/initiate-call", "/api/voice/twiml", "/api/voice/status", "/api/voice/amd",
            "/api/voice/stream-status", "/api/voice/stream", "/api/voice/calls/\(call)/end",
            "/api/voice/calls/\(call)/handoff", "/", "/api/voice/nothing",
        ]
        let bodies = [
            #"{"phoneNumber":"+15551234567","businessName":"<Ünïcode & \"Söhne\">","userRequest":"a quote"}"#,
            #"{"phoneNumber":"+15551234567","businesses":[{},{"phoneNumber":1}],"userData":{"a":[null,1e400]}}"#,
            #"{"reason":"because","agent":"order_placer","context":"\ud800"}"#,
            "CallSid=\(call)&CallStatus=ringing&SequenceNumber=1&AnsweredBy=human&StreamEvent=stream-error&From=%2B1555",
            "CallSid=\(call)&CallStatus=completed&CallDuration=-1&SequenceNumber=99999999999&Direction=inbound",
            String(repeating: "[", count: 3_000), "",
        ]
        let query = self.pick([
            "", "", "?epoch=2&attempt=1&at=0", "?epoch=-1", "?request=%00%ff", "?epoch=99999999999999",
        ])
        var headers: HTTPHeaders = [
            "content-type": self.pick([
                "application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "x",
            ]),
            "authorization": self.pick(["Bearer \(Ingress.apiToken)", "Bearer secret-two", "Bearer", "Basic QQ==", "x"]
            ),
        ]
        if self.chance(50) {
            headers.add(name: "idempotency-key", value: self.pick(["k", String(repeating: "k", count: 300)]))
        }
        let path = self.pick(paths) + query
        let body = Array(self.pick(bodies).utf8)
        let sent = self.chance(60) ? self.mutated(body) : body
        if self.chance(50) {
            // Signed for what it says: Twilio's own words, however strange.
            let form = FormFields(parsing: ByteBuffer(bytes: sent).readableBytesView)
            let signature = TwilioSignature(authToken: Ingress.authToken)
                .compute(url: Ingress.publicURL + path, content: .form(form))
            headers.add(name: "x-twilio-signature", value: signature)
        }
        return (self.pick([.POST, .POST, .POST, .GET, .PUT, .DELETE, .HEAD, .OPTIONS]), path, headers, sent)
    }

    /// Bytes that may be HTTP.
    mutating func rawRequest() -> [UInt8] {
        let requests = [
            "GET /api/voice/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "POST /api/voice/initiate-call HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
            "POST /api/voice/status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
            "GET /api/voice/twiml?CallSid=CA HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nHost: y\r\n\r\n",
        ]
        return self.chance(10) ? self.bytes(0...500) : self.mutated(Array(self.pick(requests).utf8))
    }
}
