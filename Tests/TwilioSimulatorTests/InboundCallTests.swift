import CallEvents
import HTTPTypes
import JSON
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator
import WebSockets

/// A person calls our number.
@Suite(.timeLimit(.minutes(1)))
struct InboundCallTests {
    static let ourNumber = "+15550000000"

    private static func run(
        _ script: CallScript = .quick(),
        server: TestServer,
        fallback: String? = nil,
        body: @Sendable (Harness) async throws -> Void
    ) async throws {
        try await Harness.run(script, server: server) { harness in
            var settings = NumberSettings(voiceURL: server.url("/voice"))
            settings.voiceFallbackURL = fallback.map { server.url($0) }
            settings.statusCallback = server.url("/status")
            harness.simulator.setNumberSettings(settings)
            try await body(harness)
        }
    }

    private static func statuses(_ snapshot: CallSnapshot) -> [String] {
        snapshot.events.compactMap { if case .status(let status) = $0 { status } else { nil } }
    }

    @Test func `the voice URL is asked while it rings, a stream follows, and only the end is told`() async throws {
        let server = TestServer { request, server in
            .response(server.connect(action: request.path == "/voice" ? "/after" : nil))
        } stream: { stream in
            await stream.read { message in
                // Each stream ends when the person has spoken.
                if message.payload.first == 0x11 { try await stream.socket.close(code: 1000, reason: "") }
            }
        }
        let script = CallScript.quick([.init(.atOnce, say: "hello"), .init(.atOnce, afterMs: 40, say: "hello")])
        try await Self.run(script, server: server) { harness in
            let caller = "+15557654321"
            let sid = try harness.simulator.receiveCall(from: caller, to: Self.ourNumber)
            let snapshot = try await harness.waitForEnd(sid)
            #expect(Self.statuses(snapshot) == ["ringing", "in-progress", "completed"])
            #expect(snapshot.details.direction == .inbound && snapshot.details.from == caller)

            let voice = try #require(server.received("/voice").first)
            #expect(voice.method == "POST" && voice.hasValidSignature)
            let expected = [
                "CallSid": sid.rawValue, "AccountSid": Harness.accountSid, "CallStatus": "ringing",
                "Direction": "inbound", "From": caller, "Caller": caller, "To": Self.ourNumber,
                "Called": Self.ourNumber, "ApiVersion": "2010-04-01", "StirVerstat": "TN-Validation-Passed-A",
                "FromCountry": "US", "ToCity": "",
            ]
            for (name, value) in expected { #expect(voice.fields[name] == value, "\(name)") }
            #expect(voice.fields["CallToken"] != nil)
            let after = try #require(server.received("/after").first)
            #expect(after.fields["CallStatus"] == "in-progress" && after.fields["Direction"] == "inbound")

            let callbacks = server.received("/status")
            #expect(callbacks.map { $0.fields["CallStatus"] } == ["completed"])
            #expect(callbacks[0].hasValidSignature && callbacks[0].fields["SequenceNumber"] == "0")
            #expect(callbacks[0].fields["Direction"] == "inbound" && callbacks[0].fields["CallDuration"] != nil)
            let (_, json) = try await harness.api("/Calls/\(sid).json")
            #expect(json["direction"] == "inbound" && json["from"]?.stringValue == caller)
        }
    }

    @Test(arguments: [
        ("<Reject/>", "no-answer"), ("<Reject reason=\"rejected\"/>", "no-answer"),
        ("<Reject reason=\"busy\"/><Say>never</Say>", "busy"),
    ])
    func `a caller is rejected without an answer`(verbs: String, status: String) async throws {
        try await Self.run(server: TestServer { _, _ in .response(verbs) }) { harness in
            let snapshot = try await harness.waitForEnd(try harness.simulator.receiveCall(to: Self.ourNumber))
            #expect(Self.statuses(snapshot) == ["ringing", status])
            #expect(snapshot.details.answered == nil && snapshot.details.durationSeconds == 0)
            let callback = try #require(harness.server.received("/status").first)
            #expect(callback.fields["CallStatus"] == status && callback.fields["CallDuration"] == "0")
        }
    }

    @Test(arguments: [
        "<Say>a</Say><Reject/>", "<Pause length=\"0\"/><Reject/>", "<Redirect>/reject</Redirect>", "<Hangup/>", "",
    ])
    func `what does not begin with Reject answers the call`(verbs: String) async throws {
        let server = TestServer { request, _ in .response(request.path == "/voice" ? verbs : "<Reject/>") }
        try await Self.run(server: server) { harness in
            let snapshot = try await harness.waitForEnd(try harness.simulator.receiveCall(to: Self.ourNumber))
            #expect(Self.statuses(snapshot) == ["ringing", "in-progress", "completed"])
            #expect(snapshot.details.answered != nil)
        }
    }

    @Test func `a withheld number is no number`() async throws {
        try await Self.run(server: TestServer { _, _ in .response("<Hangup/>") }) { harness in
            try await harness.waitForEnd(try harness.simulator.receiveCall(to: Self.ourNumber))
            let voice = try #require(harness.server.received("/voice").first)
            #expect(voice.fields["From"] == "anonymous" && voice.fields["Caller"] == "anonymous")
            #expect(voice.fields["FromCountry"] == "" && voice.fields["StirVerstat"] == "No-TN-Validation")
        }
    }

    @Test func `a failing voice URL answers with the fallback or an apology`() async throws {
        let server = TestServer { request, _ in
            request.path == "/fallback"
                ? .response("<Reject reason=\"busy\"/>") : TestServer.Answer(status: .internalServerError, body: "")
        }
        try await Self.run(server: server, fallback: "/fallback") { harness in
            let snapshot = try await harness.waitForEnd(try harness.simulator.receiveCall(to: Self.ourNumber))
            #expect(snapshot.details.status == .busy && snapshot.problems == [11200])
            #expect(server.received("/fallback").first?.fields["CallStatus"] == "ringing")
        }
        let failing = TestServer { _, _ in TestServer.Answer(status: .internalServerError, body: "") }
        try await Self.run(server: failing) { harness in
            let snapshot = try await harness.waitForEnd(try harness.simulator.receiveCall(to: Self.ourNumber))
            #expect(snapshot.details.status == .completed && snapshot.problems == [11200])
            #expect(snapshot.events.contains { if case .said = $0 { true } else { false } })
        }
    }

    @Test func `a person who hangs up before the answer was never there`() async throws {
        let asked = Mutex(false)
        let server = TestServer { _, _ in
            asked.withLock { $0 = true }
            try? await Task.sleep(for: .seconds(30))
            return .response("<Hangup/>")
        }
        try await Self.run(server: server) { harness in
            let sid = try harness.simulator.receiveCall(to: Self.ourNumber)
            try await eventually("the webhook") { asked.withLock { $0 } ? true : nil }
            harness.simulator.hangUp(sid)
            let snapshot = try await harness.waitForEnd(sid)
            #expect(Self.statuses(snapshot) == ["ringing", "canceled"])
        }
    }

    @Test func `the control route has a person call, with a script of their own`() async throws {
        let server = TestServer { _, server in .response(server.connect()) }
        try await Self.run(server: server) { harness in
            let body = #"{"from":"+15557654321","to":"+15550000000","script":{"turns":[{"when":"atOnce","dtmf":"5"}]}}"#
            let (status, json) = try await harness.control("/control/calls", body: body)
            #expect(status == 201 && json["direction"] == "inbound")
            let sid = try #require(CallSid(json["sid"]?.stringValue ?? ""))
            try await harness.wait(for: sid) { $0.events.contains(.business(.pressed(digits: "5"))) }
            #expect(try await harness.control("/control/calls/\(sid)/hang-up", body: "").status == 202)
            #expect(try await harness.waitForEnd(sid).details.status == .completed)

            #expect(try await harness.control("/control/calls", body: #"{"to":"5550000000"}"#).json["code"] == 21211)
            #expect(try await harness.control("/control/calls", body: #"{"too":"+15550000000"}"#).status == 400)
            #expect(try await harness.control("/control/calls/CA0/hang-up", body: "").status == 404)
            harness.simulator.setNumberSettings(nil)
            #expect(throws: APIError.self) { try harness.simulator.receiveCall(to: Self.ourNumber) }
        }
    }

    @Test func `the script has people call`() async throws {
        try await Self.run(server: TestServer { _, _ in .response("<Hangup/>") }) { harness in
            try harness.simulator.setScript(
                SimulationScript(
                    fallback: .quick(),
                    inbound: [.init(to: Self.ourNumber), .init(atMs: 50, from: "+15557654321", to: Self.ourNumber)]
                )
            )
            let calls = try await eventually("the calls") {
                let calls = harness.simulator.calls
                return calls.count == 2 && calls.allSatisfy(\.details.status.isFinal) ? calls : nil
            }
            #expect(Set(calls.map(\.details.from)) == ["anonymous", "+15557654321"])
        }
    }
}
