import CallEvents
import TwilioMedia

/// Reports a stream to its status callback and to the call's log.
struct StreamReporter: Sendable {
    let stream: TwiMLDocument.Stream
    let streamSid: String
    let call: SimulatedCall
    let callbacks: StatusCallbacks

    func started() { self.post("stream-started") }

    /// A server that closes with 1000 meant it; every other end that is not Twilio's own is an error.
    func ended(_ end: StreamEnd) {
        self.call.log.add(.streamEnded(sid: self.streamSid, end))
        let code: Int? =
            switch end {
            case .failed(let code): code
            case .broken: 31903
            case .closedByServer(let code): code == 1000 ? nil : 31921
            case .dropped, .stopped: nil
            }
        if let code {
            self.post("stream-error", error: "\(code): \(Self.title(of: code))")
        } else {
            self.post("stream-stopped")
        }
    }

    private static func title(of code: Int) -> String {
        switch code {
        case 31901: "Stream - WebSocket - Connection Timeout"
        case 31902: "Stream - WebSocket - Connection Refused"
        case 31903: "Stream - WebSocket - Connection Broken Pipe"
        case 31910: "Stream - WebSocket - TLS Error"
        case 31920: "Stream - WebSocket - Handshake Error"
        case 31921: "Stream - WebSocket - Close Error"
        case 31922: "Stream - WebSocket - Invalid Scheme"
        case 31923: "Stream - WebSocket - Malformed URL"
        case 31924: "Stream - WebSocket - Protocol Error"
        case 31941: "Stream - Invalid Track"
        default: "Stream - Unknown Error"
        }
    }

    /// The entries of Twilio's debugger; 31921 also when the server meant it.
    func log(_ end: StreamEnd) {
        switch end {
        case .closedByServer(let code): self.call.log.add(.problem(code: 31921, "closed by the server with \(code)"))
        case .broken: self.call.log.add(.problem(code: 31903, "the server's connection broke"))
        case .failed(let code): self.call.log.add(.problem(code: code, "the stream did not start"))
        case .dropped, .stopped: break
        }
    }

    private func post(_ event: String, error: String? = nil) {
        guard let text = self.stream.statusCallback else { return }
        guard let url = WebhookURL(text), ["http", "https"].contains(url.scheme) else {
            self.call.log.add(.problem(code: 11100, "statusCallback of <Stream> is no absolute URL"))
            return
        }
        let details = self.call.details
        var fields = [
            FormField("AccountSid", details.accountSid),
            FormField("CallSid", details.sid.rawValue),
            FormField("StreamSid", self.streamSid),
            FormField("StreamName", self.stream.name ?? self.streamSid),
            FormField("StreamEvent", event),
            FormField("Timestamp", TwilioTime.now.iso8601),
        ]
        if let error { fields.append(FormField("StreamError", error)) }
        self.callbacks.post(
            .streamStatus,
            to: CallRequest.Callback(url: url, method: self.stream.statusCallbackMethod),
            fields: fields
        )
    }
}
