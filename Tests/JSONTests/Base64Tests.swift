import JSON
import NIOCore
import SeededRandom
import Testing

struct Base64Tests {
    @Test func `goes there and back at every length`() {
        var generator = SeededGenerator(seed: 64)
        for length in 0..<500 {
            let bytes = ByteBuffer(bytes: (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
            var text = ByteBuffer()
            Base64.encode(bytes, to: &text)
            #expect(text.readableBytes == Base64.encodedLength(of: length))
            #expect(Base64.decode(text) == bytes)
        }
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `agrees with RFC 4648`(_ bytes: String, _ text: String) {
        #expect(Base64.encode(Array(bytes.utf8)) == Array(text.utf8))
        #expect(Base64.decode(ByteBuffer(string: text)) == ByteBuffer(string: bytes))
    }

    @Test(arguments: [
        "A", "AAAAA", "AA=", "AA=A", "A=AA", "=AAA", "A===", "====", "AAAA=", "AA A", "AA AA", "AA\n=", "AAA*",
        "-_-_", "é", "é===",
    ])
    func `refuses what is not base64 and leaves the buffer as it was`(_ text: String) {
        var bytes = ByteBuffer(string: "x")
        #expect(!Base64.decode(text.utf8.span, to: &bytes))
        #expect(bytes == ByteBuffer(string: "x"))
    }

    @Test func `random bytes are decoded or refused, and never trap`() {
        var generator = SeededGenerator(seed: 4648)
        for length in 0..<2_000 {
            let bytes = (0..<length % 80).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = Base64.decode(ByteBuffer(bytes: bytes))
        }
    }
}
