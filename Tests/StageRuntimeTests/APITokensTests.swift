import HTTPTypes
import StageRuntime
import Testing

@Suite struct APITokensTests {
    private func read(_ environment: [String: String]) -> (tokens: APITokens, problems: [String]) {
        var settings = Settings(environment: environment)
        let tokens = APITokens(&settings)
        return (tokens, settings.problems)
    }

    @Test(arguments: [
        ("Bearer one", true), ("bearer two", true), ("Bearer three", false), ("Bearer on", false), ("Bearer ", false),
        ("Basic one", false), ("one", false), ("", false),
    ])
    func `only bearers of a token are accepted`(_ authorization: String, isAccepted: Bool) {
        let (tokens, problems) = self.read(["VOICE_API_TOKEN": "one, two", "VOICE_ALLOW_ANONYMOUS": "true"])
        #expect(problems.isEmpty)
        #expect(tokens.accepts(authorization: authorization) == isAccepted)
        #expect(!tokens.accepts(authorization: nil))
    }

    @Test(arguments: [[:], ["VOICE_API_TOKEN": " , "], ["VOICE_ALLOW_ANONYMOUS": "false"]])
    func `without a token, everybody must be allowed in so many words`(_ environment: [String: String]) {
        #expect(self.read(environment).problems.count == 1)
    }

    @Test func `everybody is answered when that is allowed`() {
        let (tokens, problems) = self.read(["VOICE_ALLOW_ANONYMOUS": "true"])
        #expect(problems.isEmpty)
        #expect(tokens.accepts(authorization: nil))
    }

    @Test func `a problem is a JSON document, whatever its detail holds`() {
        #expect(
            Problem(.badRequest, "a \"b\" \\ \n c").json
                == #"{"title":"Bad Request","status":400,"detail":"a \"b\" \\ \u000a c"}"#
        )
    }
}
