import Logging
import Synchronization
import Testing

@testable import StageRuntime

struct StageLogHandlerTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { self.lines.withLock { $0 } }

        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
    }

    private func logged(_ format: LogFormat, _ body: (inout Logger) -> Void) -> [String] {
        let lines = Lines()
        var logger = Logger(label: "stage") { label in
            StageLogHandler(label: label, format: format, level: .info, write: { lines.add($0) })
        }
        body(&logger)
        return lines.all
    }

    @Test func `text has the time, the level, the label, the message and sorted metadata`() throws {
        let lines = logged(.text) { logger in
            logger[metadataKey: "call.sid"] = "CA1"
            logger.info("Call began", metadata: ["b": "two words", "a": "1", "c": ""])
            logger.debug("not this one")
        }
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info stage: .*\n/) != nil)
        #expect(line.hasSuffix("Call began a=1 b=\"two words\" c=\"\" call.sid=CA1\n"))
    }

    @Test func `json is one object on one line, whatever is in it`() throws {
        let lines = logged(.json) { logger in
            logger.error("a\n\"b\"", metadata: ["error": "x\\y\u{1}", "level": "mine"])
        }
        let line = try #require(lines.first)
        #expect(
            line.hasSuffix(
                #""level":"error","logger":"stage","message":"a\n\"b\"","error":"x\\y\u0001","metadata.level":"mine"}"#
                    + "\n"
            )
        )
        #expect(line.hasPrefix(#"{"time":""#))
    }

    @Test func `a line break in a message or a value does not make a second line`() throws {
        let lines = logged(.text) { logger in
            logger.info("one\ntwo", metadata: ["error": "three\nfour"])
        }
        #expect(try #require(lines.first).hasSuffix("one\\ntwo error=\"three\\nfour\"\n"))
    }

    @Test func `times are RFC 3339`() {
        #expect(Timestamp.text(seconds: 0, milliseconds: 7) == "1970-01-01T00:00:00.007Z")
        #expect(Timestamp.text(seconds: 1_772_323_199, milliseconds: 999) == "2026-02-28T23:59:59.999Z")
    }
}
