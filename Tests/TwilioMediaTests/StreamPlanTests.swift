import Testing
import TwilioMedia

@Suite struct StreamPlanTests {
    private static let now: Int64 = 1_800_000_000_000

    struct Case: Sendable {
        var query: String
        var answer: StreamPlan.Answer?
    }

    @Test(arguments: [
        Case(query: "", answer: .connect(epoch: 1, next: .init(epoch: 2, attempt: 1, connectedAtMs: now))),
        Case(
            query: "epoch=2&attempt=1&at=\(now - 1_000)",
            answer: .connect(epoch: 2, next: .init(epoch: 3, attempt: 2, connectedAtMs: now))
        ),
        Case(
            query: "epoch=6&attempt=5&at=\(now - 30_000)",
            answer: .connect(epoch: 6, next: .init(epoch: 7, attempt: 6, connectedAtMs: now))
        ),
        Case(query: "epoch=7&attempt=6&at=\(now - 30_000)", answer: .giveUp),
        Case(
            query: "epoch=7&attempt=6&at=\(now - 30_001)",
            answer: .connect(epoch: 7, next: .init(epoch: 8, attempt: 2, connectedAtMs: now))
        ),
        Case(
            query: "request=aB3-_.~",
            answer: .connect(epoch: 1, next: .init(epoch: 2, attempt: 1, connectedAtMs: now, request: "aB3-_.~"))
        ),
        Case(query: "request=", answer: nil),
        Case(query: "request=a%20b", answer: nil),
        Case(query: "request=" + String(repeating: "a", count: 65), answer: nil),
        Case(query: "epoch=0", answer: nil),
        Case(query: "epoch=x", answer: nil),
        Case(query: "epoch=4294967295", answer: nil),
        Case(query: "attempt=-1", answer: nil),
        Case(query: "at=99999999999999999999", answer: nil),
    ])
    func `the answer follows from the query`(_ test: Case) {
        #expect(StreamPlan(query: FormFields(parsing: test.query))?.answer(nowMs: Self.now) == test.answer)
    }

    @Test func `a plan survives its query`() {
        let plan = StreamPlan(epoch: 4, attempt: 2, connectedAtMs: Self.now)
        #expect(StreamPlan(query: FormFields(parsing: plan.query)) == plan)
        let dialled = StreamPlan(epoch: 4, attempt: 2, connectedAtMs: Self.now, request: "k-1")
        #expect(StreamPlan(query: FormFields(parsing: dialled.query)) == dialled)
    }

    @Test func `the first request is told from those that follow a stream`() throws {
        let first = try #require(StreamPlan(query: FormFields(parsing: "request=k")))
        #expect(first.isFirst)
        guard case .connect(_, let next) = first.answer(nowMs: Self.now) else { throw Unexpected() }
        #expect(!next.isFirst)
    }

    private struct Unexpected: Error {}
}
