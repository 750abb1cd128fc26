import Testing
import TwilioMedia

@Suite struct MessageBudgetTests {
    private static let secondUs: Int64 = 1_000_000

    @Test func `a stream as Twilio sends it never runs out`() {
        var budget = MessageBudget(nowUs: 0)
        for message in 0..<3_600 * 62 {
            let isTaken = budget.takes(400, nowUs: Int64(message) * Self.secondUs / 62)
            #expect(isTaken)
            if !isTaken { break }
        }
    }

    @Test func `what a stalled network held back for a minute is taken at once`() {
        var budget = MessageBudget(nowUs: 0)
        let burst = (0..<60 * 62).map { _ in budget.takes(400, nowUs: 0) }
        #expect(burst.allSatisfy { $0 })
        let minuteLater = (0..<60 * 62).map { _ in budget.takes(400, nowUs: 60 * Self.secondUs) }
        #expect(minuteLater.allSatisfy { $0 })
    }

    @Test func `a flood is not taken, and the bucket fills again`() {
        var budget = MessageBudget(nowUs: 0)
        let taken = (0..<100_000).prefix { _ in budget.takes(10, nowUs: 0) }.count
        #expect(taken == Int(MessageBudget.capacity))
        let later = [4_000, 5_000, 5_000].map { budget.takes(10, nowUs: $0) }
        #expect(later == [false, true, false])
    }

    @Test func `large messages cost more`() {
        var budget = MessageBudget(nowUs: 0)
        let taken = (0..<100_000).prefix { _ in budget.takes(64 << 10, nowUs: 0) }.count
        #expect(taken == Int(MessageBudget.capacity) / 65)
    }

    @Test(arguments: [-3_600_000_000, Int64.min / 2]) func `a clock that goes backwards costs nothing`(_ nowUs: Int64) {
        var budget = MessageBudget(nowUs: 0)
        let taken = [nowUs, 0].map { budget.takes(10, nowUs: $0) }
        #expect(taken == [true, true])
    }
}
