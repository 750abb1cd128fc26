import CallEvents
import Kafka
import Logging
import Testing

@testable import StageRuntime

#if canImport(Glibc)
    import Glibc
#endif

struct SettingsTests {
    @Test func `absent and empty variables take their defaults`() {
        var settings = Settings(environment: ["EMPTY": ""])
        #expect(settings.string("EMPTY", default: "x", "") == "x")
        #expect(settings.optionalSecret("EMPTY", "") == nil)
        #expect(settings.int("ABSENT", default: 7, in: 1...9, "") == 7)
        #expect(settings.decimal("ABSENT", default: 0.5, in: 0...1, "") == 0.5)
        #expect(settings.bool("ABSENT", default: true, "") == true)
        #expect(settings.choice("ABSENT", default: LogFormat.json, "") == .json)
        #expect(settings.url("ABSENT", default: "ws://x", schemes: ["ws"], "") == "ws://x")
        #expect(settings.optionalSecret("ABSENT", "") == nil)
        #expect(settings.problems.isEmpty)
    }

    @Test func `given values win`() {
        var settings = Settings(environment: [
            "S": "text", "I": "9", "D": "0.25", "B": "false", "C": "json", "U": "https://example.com/a?b", "K": "key",
        ])
        #expect(settings.requiredString("S", "") == "text")
        #expect(settings.int("I", default: 7, in: 1...9, "") == 9)
        #expect(settings.decimal("D", default: 0.5, in: 0...1, "") == 0.25)
        #expect(settings.bool("B", default: true, "") == false)
        #expect(settings.choice("C", default: LogFormat.text, "") == .json)
        #expect(settings.url("U", default: nil, schemes: ["https"], "") == "https://example.com/a?b")
        #expect(settings.requiredSecret("K", "") == "key")
        #expect(settings.problems.isEmpty)
    }

    @Test func `all problems are kept, each with its variable and the fix`() {
        var settings = Settings(environment: ["I": "70000", "J": "x", "B": "maybe", "C": "xml", "U": "ftp://x"])
        _ = settings.requiredString("S", "")
        _ = settings.requiredSecret("K", "")
        _ = settings.int("I", default: 7, in: 1...65_535, "")
        _ = settings.int("J", default: 7, in: 1...65_535, "")
        _ = settings.decimal("J", default: 0.5, in: 0...1, "")
        _ = settings.bool("B", default: true, "")
        _ = settings.choice("C", default: LogFormat.text, "")
        _ = settings.url("U", default: nil, schemes: ["wss", "ws"], "")
        _ = settings.url("V", default: nil, schemes: ["wss"], "")
        settings.report("One more.")
        #expect(
            settings.problems == [
                "S is missing: set it.",
                "K is missing: set it, or K_FILE to a file that holds it.",
                "I must be a whole number from 1 to 65535, not “70000”.",
                "J must be a whole number from 1 to 65535, not “x”.",
                "J must be a number from 0.0 to 1.0, not “x”.",
                "B must be true or false, not “maybe”.",
                "C must be one of text, json, not “xml”.",
                "U must be a URL that begins with ws:// or wss:// and a host, not “ftp://x”.",
                "V is missing: set it.",
                "One more.",
            ]
        )
    }

    @Test(arguments: ["https://", "https:///path", "https:/x", "https://a b", "example.com", "https://:80"])
    func `what is not an absolute URL is a problem`(text: String) {
        var settings = Settings(environment: ["U": text])
        _ = settings.url("U", default: nil, schemes: ["https"], "")
        #expect(settings.problems.count == 1)
    }

    @Test func `a secret comes from a file, without its last newline`() throws {
        let path = try temporaryFile("from file\n")
        defer { unlink(path) }
        var settings = Settings(environment: ["KEY_FILE": path])
        #expect(settings.requiredSecret("KEY", "") == "from file")
        #expect(settings.problems.isEmpty)
    }

    @Test func `a secret given twice, in an empty file or in none is a problem that does not show it`() throws {
        let path = try temporaryFile("\n")
        defer { unlink(path) }
        var settings = Settings(environment: [
            "A": "hush", "A_FILE": path, "B_FILE": path, "C_FILE": "/does/not/exist",
        ])
        _ = settings.requiredSecret("A", "")
        _ = settings.optionalSecret("B", "")
        _ = settings.requiredSecret("C", "")
        #expect(
            settings.problems == [
                "A and A_FILE are both set: keep one.",
                "B_FILE names a file that is empty: “\(path)”.",
                "C_FILE names a file that cannot be read: “/does/not/exist”.",
            ]
        )
    }

    @Test func `KAFKA variables become librdkafka properties`() throws {
        let path = try temporaryFile("hush\n")
        defer { unlink(path) }
        var settings = Settings(environment: [
            "KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
            "KAFKA_FETCH_WAIT_MAX_MS": "5", "KAFKA_SASL_PASSWORD_FILE": path, "KAFKA_ODD__NAME___X": "1",
        ])
        let common = CommonConfiguration(&settings, adminPort: 9101)
        #expect(settings.problems.isEmpty)
        #expect(common.kafka.bootstrapServers == "a:1,b:2")
        #expect(
            common.kafka.properties == [
                "security.protocol": "sasl_ssl", "fetch.wait.max.ms": "5", "sasl.password": "hush", "odd_name-x": "1",
            ]
        )
        #expect(!common.kafka.instanceID.isEmpty)
        #expect(common.topics.partitions == 12 && common.topics.prefix == "voice.")
        #expect(common.adminPort == 9101 && common.logLevel == .info && common.logFormat == .text)
    }
}

/// A file in the temporary directory with this content.
func temporaryFile(_ content: String) throws -> String {
    var template = Array("/tmp/stage-runtime-tests-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    try #require(descriptor >= 0)
    let written = content.withCString { write(descriptor, $0, content.utf8.count) }
    close(descriptor)
    try #require(written == content.utf8.count)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
