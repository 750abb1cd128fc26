import JSON
import NIOCore
import Testing
import TwilioMedia

@Suite struct TwilioSignatureTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var token: String
        var algorithm: TwilioSignature.Algorithm
        var url: String
        var content: TwilioSignature.Content
        var given: String
        var isValid: Bool
        /// The URL as it was signed; nil when nobody signed this request.
        var signedURL: String?

        var testDescription: String { self.name }
        var signature: TwilioSignature { TwilioSignature(authToken: self.token, algorithm: self.algorithm) }

        static func all() throws -> [Case] {
            try (Fixtures.json("twilio_signatures.json")["cases"]?.arrayValue ?? []).map(Case.init)
        }

        init(_ json: JSONValue) throws {
            func text(_ key: String) throws -> String { try #require(json[key]?.stringValue) }
            self.name = try text("name")
            self.url = try text("url")
            self.given = try text("signature")
            self.isValid = json["valid"]?.boolValue == true
            self.token = try text("auth_token")
            self.algorithm = json["algorithm"]?.stringValue.flatMap(TwilioSignature.Algorithm.init) ?? .hmacSHA1
            self.signedURL = json["string_signed"] == nil ? nil : json["url_signed"]?.stringValue ?? self.url
            if let parameters = json["params"]?.arrayValue {
                self.content = .form(
                    FormFields(
                        parameters.map {
                            FormField($0.arrayValue?[0].stringValue ?? "", $0.arrayValue?[1].stringValue ?? "")
                        }
                    )
                )
            } else if json["content_type"]?.stringValue == "application/json" {
                self.content = .body(ByteBuffer(string: try text("raw_body")))
            } else {
                self.content = .none
            }
        }
    }

    @Test func `there are 67 cases`() throws {
        #expect(try Case.all().count == 67)
    }

    @Test(arguments: try Case.all())
    func `decides as the vendor's library does`(_ test: Case) {
        #expect(test.signature.isValid(test.given, url: test.url, content: test.content) == test.isValid)
    }

    @Test(arguments: try Case.all())
    func `one accepted token among several decides the same`(_ test: Case) {
        for tokens in [[test.token, "another"], ["another", test.token], ["another", "", test.token]] {
            let signature = TwilioSignature(authTokens: tokens, algorithm: test.algorithm)
            #expect(signature.isValid(test.given, url: test.url, content: test.content) == test.isValid)
        }
        let others = TwilioSignature(authTokens: ["another", "one more"], algorithm: test.algorithm)
        #expect(!others.isValid(test.given, url: test.url, content: test.content))
    }

    @Test func `the first of several tokens signs`() {
        let signature = TwilioSignature(authTokens: ["new", "old"])
        #expect(signature.compute(url: "https://a/") == TwilioSignature(authToken: "new").compute(url: "https://a/"))
        #expect(signature.compute(url: "https://a/") != TwilioSignature(authToken: "old").compute(url: "https://a/"))
    }

    @Test(arguments: try Case.all().filter { $0.signedURL != nil })
    func `computes the same signature`(_ test: Case) throws {
        #expect(test.signature.compute(url: try #require(test.signedURL), content: test.content) == test.given)
    }

    @Test func `a form's fields are those of its body`() throws {
        for json in try #require(Fixtures.json("twilio_signatures.json")["cases"]?.arrayValue) {
            guard let parameters = json["params"]?.arrayValue, let body = json["raw_body"]?.stringValue else {
                continue
            }
            let fields = FormFields(parsing: body)
            #expect(
                fields.fields.map { Array($0.name.utf8) }
                    == parameters.map { Array(($0.arrayValue?[0].stringValue ?? "").utf8) }
            )
            #expect(
                fields.fields.map { Array($0.value.utf8) }
                    == parameters.map { Array(($0.arrayValue?[1].stringValue ?? "").utf8) }
            )
            #expect(FormFields(parsing: fields.encoded) == fields)
        }
    }

    @Test func `takes the port off an address in brackets only behind them`() {
        let signature = TwilioSignature(authToken: "token")
        let signed = signature.compute(url: "http://[::1]/x")
        #expect(signature.isValid(signed, url: "http://[::1]:3001/x"))
        #expect(signature.isValid(signature.compute(url: "http://[::1]:80/x"), url: "http://[::1]/x"))
    }

    @Test(arguments: ["", ":", "://", "http://", "http://:", "https://@:/", "x://[", "http://]:1", "%", "?bodySHA256"])
    func `any text is a URL that nothing was signed for`(_ url: String) {
        let signature = TwilioSignature(authToken: "token")
        #expect(!signature.isValid("", url: url))
        #expect(!signature.isValid("L/OH5YylLD5NRKLltdqwSvS0BnU=", url: url, content: .body(ByteBuffer())))
    }

    @Test(arguments: [
        ("a=1&b", [FormField("a", "1"), FormField("b", "")]),
        ("a=%zz%4", [FormField("a", "%zz%4")]),
        ("a==&=b", [FormField("a", "="), FormField("", "b")]),
        ("a=%ff", [FormField("a", "\u{fffd}")]),
        ("&&", []),
    ])
    func `reads any form`(_ text: String, _ fields: [FormField]) {
        #expect(FormFields(parsing: text).fields == fields)
    }
}
