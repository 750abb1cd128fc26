import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import TwilioSimulator

/// The queue of twilio-ingress as a client behind HAProxy sees it.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct DialQueueTests {
    @Test func `who goes away while it waits to be dialled makes room, and is not called`() async throws {
        var configuration = Stack.Configuration()
        // One call in 28 s: the first goes at once, the second waits, the third would wait for too long.
        configuration.environment["TWILIO_CALLS_PER_SECOND"] = "0.035"
        try await PhoneWorld.run(configuration) { world in
            _ = try await world.placeCall()
            var request = HTTPClientRequest(url: world.stack.publicURL + "/api/voice/initiate-call")
            request.method = .POST
            request.headers = ["Content-Type": "application/json"]
            let number = PhoneWorld.phoneNumber
            let body = #"{"phoneNumber":"\#(number)","businessName":"Test Business","userRequest":"A quote"}"#
            request.body = .bytes(ByteBuffer(string: body))
            for _ in 0..<3 {
                // Sooner than the turn of one that did not leave.
                try await eventually("there is room to wait", timeout: .seconds(20)) {
                    do {
                        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(1))
                        #expect(answer.status == .tooManyRequests)
                        return false
                    } catch let error as HTTPClientError where error == .deadlineExceeded {
                        return true
                    }
                }
            }
            #expect(world.twilio.calls.count == 1)
        }
    }
}
