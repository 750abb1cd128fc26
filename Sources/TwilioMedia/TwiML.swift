/// A TwiML document: what Twilio does next with a call. Any text is safe in it.
package struct TwiML: Sendable, Equatable {
    package enum Verb: Sendable, Equatable {
        /// `<Connect><Stream>`: when the stream has ended, Twilio asks `action`; without one the next verb runs.
        case connectStream(Stream, action: String?)
        /// POSTs to `url` and goes on with its answer.
        case redirect(url: String)
        /// Presses keys: `0-9 A-D # *`, and `w` (0.5 s) and `W` (1 s) to wait.
        case play(digits: String)
        case say(String)
        case hangUp
        /// Refuses an inbound call without answering it, and so without cost; only as the first verb.
        case reject(Rejection)
    }

    package struct Stream: Sendable, Equatable {
        package var url: String
        /// Told when the stream starts, stops, or cannot start.
        package var statusCallback: String?
        /// Come back as `start.customParameters`; name and value together below 500 characters.
        package var parameters: [FormField]

        package init(url: String, statusCallback: String? = nil, parameters: [FormField] = []) {
            self.url = url
            self.statusCallback = statusCallback
            self.parameters = parameters
        }
    }

    package enum Rejection: String, Sendable {
        case busy
        case rejected
    }

    package var verbs: [Verb]

    package init(_ verbs: Verb...) {
        self.init(verbs: verbs)
    }

    package init(verbs: [Verb]) {
        self.verbs = verbs
    }

    package static let contentType = "text/xml; charset=utf-8"

    package var document: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
        for verb in self.verbs {
            switch verb {
            case .connectStream(let stream, let action):
                text += "<Connect"
                if let action { text += " action=\(Self.attribute(action))" }
                text += ">\(Self.element(stream))</Connect>"
            case .redirect(let url):
                text += "<Redirect>\(Self.escape(url))</Redirect>"
            case .play(let digits):
                text += "<Play digits=\(Self.attribute(digits))/>"
            case .say(let words):
                text += "<Say>\(Self.escape(words))</Say>"
            case .hangUp:
                text += "<Hangup/>"
            case .reject(let reason):
                text += "<Reject reason=\(Self.attribute(reason.rawValue))/>"
            }
        }
        return text + "</Response>"
    }

    private static func element(_ stream: Stream) -> String {
        var text = "<Stream url=\(Self.attribute(stream.url))"
        if let callback = stream.statusCallback { text += " statusCallback=\(Self.attribute(callback))" }
        text += ">"
        for parameter in stream.parameters {
            text += "<Parameter name=\(Self.attribute(parameter.name)) value=\(Self.attribute(parameter.value))/>"
        }
        return text + "</Stream>"
    }

    private static func attribute(_ value: String) -> String {
        "\"\(self.escape(value))\""
    }

    /// White space is written as references, so that a parser keeps it in attributes; what XML 1.0 cannot hold becomes
    /// U+FFFD.
    private static func escape(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&apos;".unicodeScalars)
            case "\t", "\n", "\r": escaped.append(contentsOf: "&#\(scalar.value);".unicodeScalars)
            case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": escaped.append("\u{FFFD}")
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
