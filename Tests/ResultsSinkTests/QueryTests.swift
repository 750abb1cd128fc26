import HTTPTypes
import ResultsStore
import StageRuntime
import Testing

@testable import ResultsSink

@Suite struct QueryTests {
    private func query(_ pairs: (String, String)...) throws -> CallQuery { try CallQuery(QueryFields(pairs)) }

    @Test func `what is asked for is read`() throws {
        let cursor = CallCursor(requestedAtUs: 1_700_000_000_000_000, callSid: Deployment.callSid)
        let query = try self.query(
            ("status", "queued,ringing"),
            ("status", "busy"),
            ("inProgress", "true"),
            ("agent", "a"),
            ("requestId", "r"),
            ("category", ""),
            ("outcome", "success"),
            ("q", "é"),
            ("from", "2023-11-14T23:13:20 01:00"),
            ("to", "2023-11-14"),
            ("limit", "7"),
            ("cursor", cursor.text)
        )
        var expected = CallQuery()
        expected.status = ["queued", "ringing", "busy"]
        expected.inProgress = true
        expected.agent = "a"
        expected.requestID = "r"
        expected.outcome = "success"
        expected.text = "é"
        expected.from = 1_700_000_000_000_000
        expected.to = 1_700_006_400_000_000
        expected.limit = 7
        expected.after = cursor
        #expect(query == expected)
        #expect(try self.query() == CallQuery())
    }

    @Test func `all that is wrong is named at once`() {
        let error = #expect(throws: Problem.self) {
            try self.query(
                ("status", "gone"),
                ("inProgress", "yes"),
                ("agent", "a\u{0}"),
                ("requestId", "1"),
                ("requestId", "2"),
                ("category", String(repeating: "c", count: 201)),
                ("outcome", "good"),
                ("from", "yesterday"),
                ("to", "2023-13-01"),
                ("limit", "201"),
                ("cursor", "1.CA")
            )
        }
        #expect(error?.status.code == 400)
        #expect(
            error?.errors.map(\.field) == [
                "status", "inProgress", "agent", "requestId", "category", "outcome", "from", "to", "limit", "cursor",
            ]
        )
    }

    @Test(arguments: [
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000), ("2023-11-14T22:13:20.5Z", 1_700_000_000_500_000),
        ("2023-11-14T03:13:20.000-19:00", 1_700_000_000_000_000), ("2023-11-14", 1_699_920_000_000_000),
        ("2023-11-14T22:13Z", nil), ("2023-11-14T22:13:20", nil), ("20231114", nil), ("1700000000", nil), ("", nil),
        ("2023-11-14T22:13:20+24:00", nil),
    ])
    func `times are RFC 3339`(_ text: String, us: Int64?) throws {
        var fields = QueryFields([("from", text)])
        #expect(fields.time("from") == us)
        let isWrong = (try? fields.throwIfWrong()) == nil
        #expect(isWrong == (us == nil))
    }

    @Test func `statistics are of the last 30 days, or of what is asked for`() throws {
        let now: Int64 = 1_700_000_000_000_000
        let day: Int64 = 86_400_000_000
        let usual = try StatisticsQuery(QueryFields([]), nowUs: now)
        #expect(usual == StatisticsQuery(from: now - 30 * day, to: now))
        let pairs = [("from", "2023-11-14"), ("to", "2023-11-14")]
        let asked = try StatisticsQuery(QueryFields(pairs), nowUs: now)
        #expect(asked == StatisticsQuery(from: 1_699_920_000_000_000, to: 1_699_920_000_000_000 + day))
    }
}
