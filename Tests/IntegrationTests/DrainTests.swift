import CallEvents
import TestSupport
import Testing
import TwilioSimulator

/// twilio-ingress is told to stop, as a deploy does, in the middle of calls.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct DrainTests {
    private static func configuration(ingresses: Int, drainSeconds: Int) -> Stack.Configuration {
        var configuration = Stack.Configuration()
        configuration.ingressInstances = ingresses
        configuration.environment["VOICE_DRAIN_SECONDS"] = "\(drainSeconds)"
        return configuration
    }

    @Test func `a call goes on at an ingress that drains, and new ones go to the other`() async throws {
        try await PhoneWorld.run(Self.configuration(ingresses: 2, drainSeconds: 600)) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            let (draining, other) = try await world.ingresses(of: sid)
            draining.program.terminate()
            try await eventually("it is not ready") { try await draining.get("/readyz").status == 503 }

            let proxy = try #require(world.stack.program("haproxy"))
            let server = draining.name.replacing("twilio-ingress-", with: "twilio-ingress/ingress")
            try await eventually("HAProxy knows") { proxy.log().contains("\(server) is DOWN") }
            let later = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: later) { $0 == .agentBegan }
            #expect(try await world.ingresses(of: later).holder.name == other.name)

            try await world.expectDemoCall(sid, isOnly: false)
            #expect(try await draining.program.exited(within: .seconds(10)) == .code(0))
            #expect(try await world.streamStarts(of: sid).count == 1)
            try await world.expectDemoCall(later, isOnly: false)
        }
    }

    @Test func `a call goes on at the only ingress while that drains, and is then started anew`() async throws {
        try await PhoneWorld.run(Self.configuration(ingresses: 1, drainSeconds: 600)) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            let ingress = world.stack.ingresses[0]
            ingress.program.terminate()
            #expect(try await ingress.program.exited(within: .seconds(90)) == .code(0))
            try await world.wait(for: "its stream ended", in: sid) { if case .streamEnded = $0 { true } else { false } }
            #expect(try await world.streamStarts(of: sid).count == 1)
            // A callback that came too late waits in HAProxy for it.
            try await ingress.startAndWait()
            try await world.expectDemoCall(sid)
        }
    }

    @Test func `without a drain a call moves to the other ingress`() async throws {
        try await PhoneWorld.run(Self.configuration(ingresses: 2, drainSeconds: 0)) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            let (holder, other) = try await world.ingresses(of: sid)
            try await holder.program.stop(limit: .seconds(20))
            #expect(holder.program.exit == .code(0))
            try await world.expectDemoCall(sid, toleratedProblems: [31921])
            let starts = try await world.streamStarts(of: sid)
            #expect(starts.map(\.ingressInstance) == [holder.name, other.name])
            #expect(starts.map(\.streamEpoch) == [1, 2])
        }
    }

    @Test func `without a drain a call comes back to the only ingress when that is started again`() async throws {
        try await PhoneWorld.run(Self.configuration(ingresses: 1, drainSeconds: 0)) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            try await world.stack.ingresses[0].program.stop(limit: .seconds(20))
            try await world.stack.ingresses[0].startAndWait()
            try await world.expectDemoCall(sid, toleratedProblems: [31921])
        }
    }

    @Test func `being told a second time ends the drain`() async throws {
        try await PhoneWorld.run(Self.configuration(ingresses: 2, drainSeconds: 600)) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            let (holder, other) = try await world.ingresses(of: sid)
            holder.program.terminate()
            try await eventually("it drains") { holder.program.log().contains("Draining") }
            try await holder.program.stop(limit: .seconds(20))
            #expect(holder.program.exit == .code(0))
            try await world.expectDemoCall(sid, toleratedProblems: [31921])
            #expect(try await world.streamStarts(of: sid).map(\.ingressInstance) == [holder.name, other.name])
        }
    }

    @Test func `a deploy of both ingresses moves a call twice`() async throws {
        try await PhoneWorld.run(Self.configuration(ingresses: 2, drainSeconds: 1)) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            let (holder, other) = try await world.ingresses(of: sid)
            // The agent speaks at both moves: of a person who is cut short, it could ask what they said.
            for (ingress, said) in [(holder, "greeting"), (other, "price")] {
                try await eventually("the agent answers the \(said)", timeout: .seconds(60)) {
                    let events = world.twilio.call(sid)?.events ?? []
                    return events.drop { $0 != .business(.ended(utterance: said)) }.contains(.agentBegan)
                }
                try await ingress.program.stop(limit: .seconds(20))
                #expect(ingress.program.exit == .code(0))
                try await ingress.startAndWait()
            }
            try await world.expectDemoCall(sid, toleratedProblems: [31921])
            #expect(try await world.streamStarts(of: sid).map(\.streamEpoch) == [1, 2, 3])
        }
    }

    @Test func `a stream that breaks while the only ingress drains is served by it again`() async throws {
        var broken = CallScript.demo
        broken.faults.dropSocketAtMs = [6_000]
        try await PhoneWorld.run(
            Self.configuration(ingresses: 1, drainSeconds: 600),
            numbers: [PhoneWorld.otherPhoneNumber: broken]
        ) { world in
            let steady = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: steady) { $0 == .agentBegan }
            let sid = try await world.placeCall(to: PhoneWorld.otherPhoneNumber)
            try await world.wait(for: "its stream", in: sid) { if case .streamStarted = $0 { true } else { false } }
            let ingress = world.stack.ingresses[0]
            ingress.program.terminate()
            try await world.wait(for: "it is dropped", in: sid) { if case .fault = $0 { true } else { false } }
            try await eventually("a second stream") { try await world.streamStarts(of: sid).count == 2 }
            #expect(try await ingress.program.exited(within: .seconds(90)) == .code(0))
            try await ingress.startAndWait()
            try await world.expectDemoCall(steady, isOnly: false)
            try await world.expectDemoCall(sid, isOnly: false)
        }
    }
}
