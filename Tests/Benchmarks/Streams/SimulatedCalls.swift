import AsyncHTTPClient
import CallEvents
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import TestSupport
import TwilioSimulator

/// The calls as twilio-simulator plays them, in this process: dialled, answered, with TwiML, signatures and recordings'
/// timing of its own. Every person says the same numbered frames, once.
struct SimulatedCalls: Sendable {
    private static let utterance = "numbered frames"

    let simulator: TwilioSimulator
    private let load: StreamLoad

    /// - Parameter frames: what each person says.
    init(_ load: StreamLoad, frames: Int, run: UInt32, logger: Logger) throws {
        var speech = ByteBuffer()
        for number in 0..<frames {
            let tag = FrameTag(run: run, stream: FrameTag.streamOfKey, number: number, sentAt: 0)
            speech.writeImmutableBuffer(tag.payload)
        }
        let said = speech
        var script = CallScript()
        script.turns = [.init(.atOnce, say: Self.utterance)]
        var configuration = TwilioSimulatorConfiguration(
            accountSid: PhoneStream.accountSid,
            authToken: IngressProcess.authToken
        )
        configuration.script = SimulationScript(fallback: script)
        configuration.utterance = { $0 == Self.utterance ? said : nil }
        self.simulator = try TwilioSimulator(configuration: configuration, logger: logger)
        self.load = load
    }

    /// What the ingress needs to dial through it.
    func environment() async throws -> [String: String] {
        let port = try await self.simulator.waitForPort()
        return ["TWILIO_API_URL": "http://127.0.0.1:\(port)"]
    }

    /// Has the ingress dial all of them, and waits until all streams are there.
    /// - Returns: the calls, in the order of their streams.
    func place(by ingress: IngressProcess) async throws -> [String] {
        var calls: [String] = []
        for stream in 0..<self.load.streams {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(ingress.port)/api/voice/initiate-call")
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            let number = 10_000 + stream
            request.body = .bytes(
                ByteBuffer(
                    string: """
                        {"phoneNumber": "+155500\(number)", "businessName": "Business \(stream)", \
                        "userRequest": "Get quote for service"}
                        """
                )
            )
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: 1 << 16)
            guard response.status == .created,
                let answer = try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any],
                let callSid = answer["callSid"] as? String
            else {
                throw StreamsError(description: "call \(stream): \(response.status) \(String(buffer: body))")
            }
            calls.append(callSid)
        }
        try await eventually("all streams", timeout: .seconds(60)) {
            try await ingress.stage.process.metric("voice_streams_active") == Double(self.load.streams)
        }
        return calls
    }

    /// Waits until every person has said all, and all of the agent's audio has been played.
    func finish(within limit: Duration) async throws {
        try await eventually("the end of what is said", timeout: limit, every: .seconds(1)) {
            self.simulator.calls.allSatisfy { call in
                call.events.contains(.business(.ended(utterance: Self.utterance)))
                    && call.events.count { $0 == .agentBegan } == call.agentEnds
            }
        }
    }

    func hangUp() {
        for call in self.simulator.calls { self.simulator.hangUp(call.details.sid) }
    }

    /// Frames of the agent that arrived: played, or dropped by a `clear`.
    var arrived: Int { self.simulator.calls.reduce(0) { $0 + $1.arrivedMs } / 20 }

    /// How often `clear` arrived.
    var clears: Int {
        self.simulator.calls.reduce(0) { sum, call in
            sum + call.events.count { if case .cleared = $0 { true } else { false } }
        }
    }

    /// What Twilio would have complained about.
    var problems: [Int] { self.simulator.calls.flatMap(\.problems) }
}

extension CallSnapshot {
    fileprivate var agentEnds: Int {
        self.events.count { if case .agentEnded = $0 { true } else { false } }
    }

    fileprivate var arrivedMs: Int {
        self.events.reduce(0) { sum, event in
            switch event {
            case .agentEnded(let milliseconds), .cleared(let milliseconds): sum + milliseconds
            default: sum
            }
        }
    }
}
