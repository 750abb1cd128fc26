/// A TwiML document: what Twilio does next with a call. Any text is safe in it.
package struct TwiML: Sendable, Equatable {
    package enum Verb: Sendable, Equatable {
        /// `<Connect><Stream>`: the following verbs run when the stream has ended, unless `action` is set.
        case connectStream(url: String, parameters: [FormField], action: String?)
        /// POSTs to `url` and goes on with its answer.
        case redirect(url: String)
        case say(String)
        case hangUp
    }

    package var verbs: [Verb]

    package init(_ verbs: Verb...) {
        self.verbs = verbs
    }

    package static let contentType = "text/xml; charset=utf-8"

    package var document: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
        for verb in self.verbs {
            switch verb {
            case .connectStream(let url, let parameters, let action):
                text += "<Connect"
                if let action { text += " action=\(Self.attribute(action))" }
                text += "><Stream url=\(Self.attribute(url))>"
                for parameter in parameters {
                    text += "<Parameter name=\(Self.attribute(parameter.name))"
                    text += " value=\(Self.attribute(parameter.value))/>"
                }
                text += "</Stream></Connect>"
            case .redirect(let url):
                text += "<Redirect>\(Self.escape(url))</Redirect>"
            case .say(let words):
                text += "<Say>\(Self.escape(words))</Say>"
            case .hangUp:
                text += "<Hangup/>"
            }
        }
        return text + "</Response>"
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
