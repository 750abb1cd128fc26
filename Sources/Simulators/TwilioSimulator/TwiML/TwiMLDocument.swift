/// The verbs of a `<Response>` in order, with what Twilio would warn about.
package struct TwiMLDocument: Sendable, Equatable {
    package enum Verb: Sendable, Equatable {
        case connect(Connect)
        case redirect(url: String, method: String)
        /// Touch tones, `w` (half a second) and `W` (a second).
        case play(digits: String)
        case say(String)
        case pause(Duration)
        case hangup
        case reject(Rejection)
    }

    /// What a caller who is rejected hears; the call ends as `busy` or `no-answer`.
    package enum Rejection: String, Sendable {
        case busy, rejected
    }

    /// `<Connect>` with its one `<Stream>`.
    package struct Connect: Sendable, Equatable {
        package var action: String?
        package var method: String
        package var stream: Stream
    }

    package struct Stream: Sendable, Equatable {
        package var url: String
        package var name: String?
        package var track: String
        package var statusCallback: String?
        package var statusCallbackMethod: String
        package var parameters: [Parameter]
    }

    package struct Parameter: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    /// An entry of Twilio's debugger.
    package struct Problem: Error, Sendable, Equatable {
        package var code: Int
        package var message: String
    }

    package private(set) var verbs: [Verb] = []
    /// 12200 mostly: what was not understood is left out, and the document runs.
    package private(set) var warnings: [Problem] = []

    /// - Throws: 12100 when the text is not a document with the root `<Response>`.
    package init(_ text: [UInt8]) throws(Problem) {
        let root: XMLElement
        do {
            root = try XMLReader.read(text)
        } catch {
            throw Problem(code: 12100, message: "document parse failure at byte \(error.offset): \(error.reason)")
        }
        guard root.name == "Response" else {
            throw Problem(code: 12100, message: "root element is <\(root.name)>, not <Response>")
        }
        self.check(root, attributes: [])
        self.checkNoText(root)
        for element in root.children {
            if let verb = self.verb(element) { self.verbs.append(verb) }
        }
    }

    private mutating func verb(_ element: XMLElement) -> Verb? {
        switch element.name {
        case "Connect":
            return self.connect(element)
        case "Redirect":
            self.check(element, attributes: ["method"])
            self.checkNoChildren(element)
            return .redirect(url: element.text.trimmed, method: self.method(element, "method"))
        case "Play":
            self.check(element, attributes: ["digits", "loop"])
            self.checkNoChildren(element)
            guard let digits = element[attribute: "digits"], element.text.trimmed.isEmpty else {
                self.warn("<Play> without digits: this simulator plays no files")
                return nil
            }
            guard digits.allSatisfy({ "0123456789*#ABCDwW".contains($0) }) else {
                self.warn("<Play digits> has other characters than 0-9 * # A-D w W")
                return nil
            }
            return .play(digits: digits)
        case "Say":
            self.check(element, attributes: ["voice", "language", "loop"])
            return .say(element.text.trimmed)
        case "Pause":
            self.check(element, attributes: ["length"])
            self.checkNoChildren(element)
            guard let length = Int(element[attribute: "length"] ?? "1"), length >= 0 else {
                self.warn("<Pause length> is not a number of seconds")
                return .pause(.seconds(1))
            }
            return .pause(.seconds(min(length, 86400)))
        case "Hangup":
            self.check(element, attributes: [])
            return .hangup
        case "Reject":
            self.check(element, attributes: ["reason"])
            self.checkNoChildren(element)
            let reason = element[attribute: "reason"] ?? Rejection.rejected.rawValue
            if Rejection(rawValue: reason) == nil { self.warn("<Reject reason> is neither busy nor rejected") }
            return .reject(Rejection(rawValue: reason) ?? .rejected)
        default:
            self.warn("unknown element <\(element.name)>")
            return nil
        }
    }

    private mutating func connect(_ element: XMLElement) -> Verb? {
        self.check(element, attributes: ["action", "method"])
        self.checkNoText(element)
        var streams: [Stream] = []
        for child in element.children {
            guard child.name == "Stream" else {
                self.warn("unknown element <\(child.name)> in <Connect>")
                continue
            }
            if let stream = self.stream(child) { streams.append(stream) }
        }
        guard let stream = streams.first else {
            self.warn("<Connect> without <Stream>")
            return nil
        }
        if streams.count > 1 { self.warn("<Connect> takes one <Stream>") }
        return .connect(
            Connect(action: element[attribute: "action"], method: self.method(element, "method"), stream: stream)
        )
    }

    private mutating func stream(_ element: XMLElement) -> Stream? {
        self.check(
            element,
            attributes: ["url", "name", "track", "statusCallback", "statusCallbackMethod", "connectorName"]
        )
        self.checkNoText(element)
        guard let url = element[attribute: "url"] else {
            self.warn("<Stream> without url")
            return nil
        }
        var stream = Stream(
            url: url,
            name: element[attribute: "name"],
            track: element[attribute: "track"] ?? "inbound_track",
            statusCallback: element[attribute: "statusCallback"],
            statusCallbackMethod: self.method(element, "statusCallbackMethod"),
            parameters: []
        )
        for child in element.children {
            guard child.name == "Parameter", let name = child[attribute: "name"],
                let value = child[attribute: "value"]
            else {
                self.warn("<\(child.name)> in <Stream> is no <Parameter> with name and value")
                continue
            }
            self.check(child, attributes: ["name", "value"])
            guard name.count + value.count < 500 else {
                self.warn("<Parameter name=\"\(name.prefix(40))\"> has 500 characters or more")
                continue
            }
            stream.parameters.append(Parameter(name: name, value: value))
        }
        return stream
    }

    private mutating func method(_ element: XMLElement, _ attribute: String) -> String {
        let method = element[attribute: attribute] ?? "POST"
        guard ["GET", "POST"].contains(method) else {
            self.warn("<\(element.name) \(attribute)> is neither GET nor POST")
            return "POST"
        }
        return method
    }

    private mutating func check(_ element: XMLElement, attributes: Set<String>) {
        for attribute in element.attributes where !attributes.contains(attribute.name) {
            self.warn("unknown attribute \(attribute.name) of <\(element.name)>")
        }
    }

    private mutating func checkNoText(_ element: XMLElement) {
        if !element.text.trimmed.isEmpty { self.warn("text in <\(element.name)>") }
    }

    private mutating func checkNoChildren(_ element: XMLElement) {
        if !element.children.isEmpty { self.warn("elements in <\(element.name)>") }
    }

    private mutating func warn(_ message: String) {
        self.warnings.append(Problem(code: 12200, message: message))
    }
}

extension String {
    /// Without white space at its ends.
    var trimmed: String {
        let start = self.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
