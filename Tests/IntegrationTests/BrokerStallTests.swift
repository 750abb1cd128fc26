import CallEvents
import Foundation
import JSON
import TestSupport
import Testing
import TwilioSimulator

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

private let brokerPID = ProcessInfo.processInfo.environment["KAFKA_BROKER_PID"].flatMap { pid_t($0) }

/// The broker stands still for longer than the session time-out of group members (6 s) in the middle of a call.
///
/// Only on a broker whose process id `KAFKA_BROKER_PID` tells: the embedded one knows no static members.
@Suite(.timeLimit(.minutes(5)), .serialized, .enabled(if: brokerPID != nil))
struct BrokerStallTests {
    @Test(arguments: [9, 15])
    func `a call goes on after it, in the same processes`(seconds: Int) async throws {
        let broker = try #require(brokerPID)
        var business = CallScript.demo
        // What was said into the void is said again.
        business.repeatAfterMs = 15_000
        try await PhoneWorld.run(business: business) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            kill(broker, SIGSTOP)
            // The stall itself: nothing is waited for.
            try? await Task.sleep(for: .seconds(seconds))
            kill(broker, SIGCONT)
            try await world.wait(for: "the call completes", in: sid, timeout: .seconds(120)) {
                $0 == .status("completed")
            }
            for stage in world.stack.stages { #expect(stage.program.pid != nil, "\(stage.program.logTail())") }
            try await eventually("the quote is there") {
                try await world.status(of: sid)["quotes"]?.arrayValue?.map { $0["price"] } == ["45.00"]
            }
            #expect(try await world.records(of: sid, on: .resultsQuotes).count == 1)
        }
    }
}
