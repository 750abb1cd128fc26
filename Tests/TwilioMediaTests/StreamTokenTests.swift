import CallEvents
import Testing
import TwilioMedia

@Suite struct StreamTokenTests {
    private let authority = StreamToken.Authority(authToken: "f00dcafe0123456789abcdef01234567")
    private let token: StreamToken

    init() throws {
        self.token = StreamToken(
            callSid: try #require(CallSid("CA0123456789abcdef0123456789abcdef")),
            streamEpoch: 3,
            expiresAt: 1_800_000_000
        )
    }

    @Test func `every instance with the same auth token accepts it until it expires`() {
        let text = self.authority.sign(self.token)
        #expect(text.utf8.count < 400)
        let other = StreamToken.Authority(authToken: "f00dcafe0123456789abcdef01234567")
        #expect(other.verify(text, now: 1_799_999_999) == self.token)
        #expect(other.verify(text, now: 1_800_000_000) == nil)
        #expect(StreamToken.Authority(authToken: "another").verify(text, now: 0) == nil)
    }

    @Test func `while an auth token is replaced, both instances of before and after are understood`() {
        let old = StreamToken.Authority(authToken: "old")
        let both = StreamToken.Authority(authTokens: ["new", "old"])
        let new = StreamToken.Authority(authToken: "new")
        #expect(both.verify(old.sign(self.token), now: 0) == self.token)
        #expect(both.verify(new.sign(self.token), now: 0) == self.token)
        #expect(new.verify(both.sign(self.token), now: 0) == self.token)
        #expect(old.verify(both.sign(self.token), now: 0) == nil)
        #expect(both.verify(StreamToken.Authority(authToken: "other").sign(self.token), now: 0) == nil)
    }

    @Test func `a changed character makes it void`() {
        let bytes = Array(self.authority.sign(self.token).utf8)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(self.authority.verify(String(decoding: changed, as: UTF8.self), now: 0) == nil)
        }
    }

    @Test(arguments: ["", ".", "...", "CA0123456789abcdef0123456789abcdef.1.9", String(repeating: "é.", count: 300)])
    func `any text may be presented`(_ text: String) {
        #expect(self.authority.verify(text, now: 0) == nil)
    }
}
