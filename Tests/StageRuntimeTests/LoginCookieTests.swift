import Testing

@testable import StageRuntime

@Suite struct LoginCookieTests {
    private let tokens = APITokens(accepting: ["one", "two"])
    private let expiresAt: Int64 = 1_800_000_000

    private func cookie(_ token: String) -> String {
        LoginCookie.value(token: Array(token.utf8), expiresAt: self.expiresAt)
    }

    @Test func `the value is what other programs make of the same token`() {
        // printf lifehub-voice.session.v1.1800000000 | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf one |
        //   sha256sum | cut -c1-64) -binary | basenc --base64url
        #expect(self.cookie("one") == "v1.1800000000.A-stonTDrfG-L2OC9Jn3PoJwsb2ToEVEv0dFsyb5suo")
    }

    @Test func `it stands for its token until it expires`() {
        #expect(self.tokens.token(cookie: self.cookie("one"), now: self.expiresAt - 1) == "one")
        #expect(self.tokens.token(cookie: self.cookie("two"), now: self.expiresAt - 1) == "two")
        #expect(self.tokens.token(cookie: self.cookie("one"), now: self.expiresAt) == nil)
        #expect(self.tokens.token(cookie: self.cookie("three"), now: 0) == nil)
    }

    @Test func `one that was changed is none`() {
        let cookie = self.cookie("one")
        for index in cookie.indices {
            var changed = cookie
            changed.replaceSubrange(index...index, with: cookie[index] == "A" ? "B" : "A")
            #expect(self.tokens.token(cookie: changed, now: 0) == nil, "\(changed)")
        }
        for other in ["", ".", "..", "v1..", "v1.1800000000.", cookie + ".", cookie + "=", "v1.+1800000000.x"] {
            #expect(self.tokens.token(cookie: other, now: 0) == nil, "\(other)")
        }
    }

    @Test func `scripts cannot read it, other sites cannot send it`() {
        #expect(
            LoginCookie.header("v", isSecure: true)
                == "lifehub_voice=v; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200; Secure"
        )
        #expect(
            LoginCookie.header(nil, isSecure: false) == "lifehub_voice=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"
        )
    }
}
