import NIOPosix
import OpenAIRealtime
import TestSupport
import Testing

@testable import RealtimeSession

@Suite(.timeLimit(.minutes(1))) struct CallTimersTests {
    @Test func `timers come into the mailbox one after the other`() async throws {
        let mailbox = CallMailbox()
        let timers = CallTimers(on: MultiThreadedEventLoopGroup.singleton.next(), mailbox: mailbox)
        timers.schedule(.toolTimeout("late"), after: .milliseconds(60))
        timers.schedule(.retryResponse, after: .zero)
        timers.schedule(.expectAnswer, after: .milliseconds(20))
        var fired: [ConversationTimer] = []
        while fired.count < 3, let batch = await mailbox.next() {
            for case .timer(let timer) in batch.inputs { fired.append(timer) }
        }
        #expect(fired == [.retryResponse, .expectAnswer, .toolTimeout("late")])
    }

    @Test func `timers that are cancelled never come, and hold nothing`() async throws {
        weak var forgotten: CallMailbox?
        do {
            let mailbox = CallMailbox()
            forgotten = mailbox
            let timers = CallTimers(on: MultiThreadedEventLoopGroup.singleton.next(), mailbox: mailbox)
            timers.schedule(.renewSession("sess_1"), after: .seconds(3300))
            timers.schedule(.expectAnswer, after: .seconds(3300))
            timers.cancelAll()
            timers.schedule(.retryResponse, after: .zero)
            let batch = try #require(await mailbox.next())
            #expect(batch.inputs.count == 1)
        }
        try await eventually("nothing holds the mailbox") { forgotten == nil }
    }
}
