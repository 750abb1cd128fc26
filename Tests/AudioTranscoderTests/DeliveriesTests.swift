import Testing

@testable import AudioTranscoder

@Suite(.timeLimit(.minutes(1))) struct DeliveriesTests {
    private let source = SourcePartition(direction: .inbound, number: 3)

    @Test func `what finished is handed over once, in order`() {
        let deliveries = Deliveries()
        for _ in 0..<3 { deliveries.began() }
        deliveries.finished(self.source, 7)
        deliveries.finished(self.source, 5)
        #expect(deliveries.take().map(\.offset) == [7, 5])
        #expect(deliveries.take().isEmpty)
        deliveries.finished(self.source, 6)
        #expect(deliveries.take() == [.init(source: self.source, offset: 6)])
    }

    @Test func `nothing under way needs no waiting`() async {
        let start = ContinuousClock.now
        await Deliveries().settled(within: .seconds(50))
        #expect(start.duration(to: .now) < .seconds(20))
    }

    @Test func `waiting ends with the last delivery`() async {
        let deliveries = Deliveries()
        deliveries.began()
        deliveries.began()
        let start = ContinuousClock.now
        await withTaskGroup { group in
            group.addTask { await deliveries.settled(within: .seconds(50)) }
            group.addTask {
                deliveries.finished(self.source, 1)
                deliveries.finished(self.source, 2)
            }
        }
        #expect(start.duration(to: .now) < .seconds(20))
        #expect(deliveries.take().count == 2)
    }

    @Test func `waiting ends at the limit, and the delivery still counts`() async {
        let deliveries = Deliveries()
        deliveries.began()
        await deliveries.settled(within: .milliseconds(10))
        #expect(deliveries.take().isEmpty)
        deliveries.finished(self.source, 1)
        #expect(deliveries.take().count == 1)
    }
}
