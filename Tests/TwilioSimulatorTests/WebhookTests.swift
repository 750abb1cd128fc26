import CallEvents
import HTTPTypes
import JSON
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct WebhookTests {
    /// What goes wrong before a stream begins, and the problems that are logged.
    static let documents: [(TestServer.Answer, problems: [Int])] = [
        (TestServer.Answer(status: .notFound, body: "no"), [11200]),
        (TestServer.Answer(status: .tooManyRequests, body: "no"), [11217]),
        (TestServer.Answer(contentType: "text/html", body: "<Response/>"), [12300]),
        (TestServer.Answer(body: "<Response><Hangup></Response>"), [12100]),
        (TestServer.Answer(body: "<Answer/>"), [12100]),
        (.response("<Dance/><Hangup/>"), [12200]),
        (.response("<Connect><Stream url=\"ws://voice.example.com/stream\"/></Connect>"), [31922]),
        (.response("<Connect><Stream url=\"wss://voice.example.com/stream?a=b\"/></Connect>"), [31920]),
        (.response("<Connect><Stream url=\"wss://voice.example.com/s\" track=\"both_tracks\"/></Connect>"), [31941]),
        (.response("<Connect><Stream url=\"ws://127.0.0.1:1/stream\"/></Connect>"), [31902]),
        (.response("<Connect><Stream url=\"ws:///\"/></Connect>"), [31923]),
    ]

    @Test(arguments: documents)
    func `a document that cannot be run is reported and ends the call`(
        answer: TestServer.Answer,
        problems: [Int]
    ) async throws {
        try await Harness.run(.quick(), server: TestServer { _, _ in answer }) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            #expect(snapshot.problems == problems)
            #expect(snapshot.details.status == .completed)
        }
    }

    @Test func `a refused handshake fails the stream and the action is asked`() async throws {
        let server = TestServer { request, server in
            guard request.path == "/twiml" else { return .response("<Hangup/>") }
            let url = server.streamURL.replacing("/stream", with: "/elsewhere")
            return .response("<Connect action=\"/action\"><Stream url=\"\(url)\"/></Connect>")
        }
        try await Harness.run(.quick(), server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            #expect(snapshot.problems == [31920])
            #expect(server.received("/action").count == 1)
        }
    }

    @Test func `the fallback is told what went wrong`() async throws {
        let server = TestServer { request, _ in
            guard request.path == "/fallback" else { return TestServer.Answer(status: .internalServerError, body: "") }
            return .response("<Hangup/>")
        }
        try await Harness.run(.quick(), server: server) { harness in
            let sid = try await harness.call([("FallbackUrl", server.url("/fallback?x=1"))])
            let snapshot = try await harness.waitForEnd(sid)
            #expect(snapshot.problems == [11200])
            let fallback = try #require(server.received("/fallback").first)
            #expect(fallback.fields["ErrorCode"] == "11200" && fallback.fields["ErrorUrl"] == server.url("/twiml"))
            #expect(fallback.hasValidSignature)
        }
    }

    @Test func `retries follow the overrides in the fragment and keep their token`() async throws {
        let server = TestServer { _, server in
            guard server.received("/twiml").count == 3 else { return TestServer.Answer(status: .badGateway, body: "") }
            return .response("<Hangup/>")
        }
        try await Harness.run(.quick(), server: server) { harness in
            let (_, json) = try await harness.api(
                "/Calls.json",
                form: [
                    ("To", Harness.number), ("From", "+15550000000"), ("Url", server.url("/twiml#rc=2&rp=5xx")),
                    ("StatusCallback", server.url("/status")),
                ]
            )
            let snapshot = try await harness.waitForEnd(try #require(CallSid(json["sid"]?.stringValue ?? "")))
            #expect(snapshot.problems == [])
            let requests = server.received("/twiml")
            #expect(requests.count == 3)
            #expect(requests.allSatisfy { $0.hasValidSignature })
            let name = try #require(HTTPField.Name("I-Twilio-Idempotency-Token"))
            #expect(Set(requests.map { $0.headers[name] }).count == 1)
        }
    }

    @Test func `a server that does not answer in time is asked again, where the overrides say so`() async throws {
        let server = TestServer { _, server in
            if server.received("/twiml").count == 1 { try? await Task.sleep(for: .seconds(30)) }
            return .response("<Hangup/>")
        }
        try await Harness.run(.quick(), server: server) { harness in
            let url = server.url("/twiml#rt=300&rc=1&rp=rt")
            let snapshot = try await harness.waitForEnd(try await harness.call([("Url", url)], replacing: "Url"))
            #expect(snapshot.problems == [] && server.received("/twiml").count == 2)
        }
    }

    @Test func `a GET has its fields in the signed query`() async throws {
        let server = TestServer { request, server in
            switch request.path {
            case "/twiml": .response("<Redirect method=\"GET\">/next?a=b%20c&amp;d=</Redirect>")
            default: .response("<Hangup/>")
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            let sid = try await harness.call()
            try await harness.waitForEnd(sid)
            let request = try #require(server.received("/next").first)
            #expect(request.method == "GET" && request.hasValidSignature)
            #expect(request.query?.hasPrefix("a=b%20c&d=&CallSid=\(sid)&") ?? false)
        }
    }

    @Test func `status callbacks do not hold up the call, and can be repeated and swapped`() async throws {
        let server = TestServer { _, server in .response("<Hangup/>") }
        var script = CallScript.quick()
        script.faults.repeatStatus = true
        script.faults.reorderStatus = true
        script.faults.statusDelayMs = 100
        try await Harness.run(script, server: server) { harness in
            let sid = try await harness.call()
            let snapshot = try await harness.wait(for: sid) { $0.details.status == .completed }
            let callbacks = snapshot.events.count {
                if case .webhook(let webhook) = $0 { webhook.kind == .status } else { false }
            }
            #expect(callbacks < 8)
            try await eventually("all callbacks") { server.received("/status").count == 8 ? true : nil }
            let numbers = server.received("/status").map { $0.fields["SequenceNumber"] }
            #expect(numbers == ["1", "1", "0", "0", "3", "3", "2", "2"])
        }
    }

    @Test func `machine detection reports beside the call or before its document`() async throws {
        let server = TestServer { request, _ in .response("<Pause length=\"1\"/>") }
        var script = CallScript.quick()
        script.answeredBy = "machine_start"
        script.detectionMs = 300
        try await Harness.run(script, server: server) { harness in
            let before = try await harness.call([("MachineDetection", "Enable")])
            try await harness.waitForEnd(before)
            #expect(server.received("/twiml").first?.fields["AnsweredBy"] == "machine_start")

            let beside = try await harness.call([
                ("MachineDetection", "Enable"), ("AsyncAmd", "true"), ("AsyncAmdStatusCallback", server.url("/amd")),
            ])
            try await harness.waitForEnd(beside)
            #expect(server.received("/twiml").last?.fields["AnsweredBy"] == nil)
            let verdict = try #require(server.received("/amd").first)
            #expect(verdict.hasValidSignature)
            #expect(verdict.fields["CallSid"] == beside.rawValue && verdict.fields["AnsweredBy"] == "machine_start")
            #expect(verdict.fields["MachineDetectionDuration"] == "300")
        }
    }

    @Test func `a stream reports its start and end`() async throws {
        let server = TestServer { request, server in
            guard request.path == "/twiml" else { return .noContent }
            let callback = server.url("/events")
            return .response(
                "<Connect><Stream url=\"\(server.streamURL)\" name=\"n\" statusCallback=\"\(callback)\"/></Connect>"
            )
        } stream: { stream in
            await stream.read { message in
                if message.event == "start" { try await stream.socket.close(code: 1000, reason: "") }
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            try await harness.waitForEnd(try await harness.call())
            let events = server.received("/events")
            #expect(events.map { $0.fields["StreamEvent"] } == ["stream-started", "stream-stopped"])
            #expect(events.allSatisfy { $0.fields["StreamName"] == "n" && $0.hasValidSignature })
        }
    }

    @Test func `a stream that fails or is torn tells its error`() async throws {
        let server = TestServer { request, server in
            switch request.path {
            case "/twiml", "/torn":
                let url = request.path == "/twiml" ? server.streamURL + "s" : server.streamURL
                let stream = "<Stream url=\"\(url)\" statusCallback=\"\(server.url("/events"))\"/>"
                return .response(
                    "<Connect action=\"\(request.path == "/twiml" ? "/torn" : "/end")\">\(stream)</Connect>"
                )
            default:
                return .response("<Hangup/>")
            }
        } stream: { stream in
            await stream.read { message in
                if message.event == "start" { try await stream.socket.close(code: 1011, reason: "") }
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            #expect(snapshot.problems == [31920, 31921])
            let events = server.received("/events").map(\.fields)
            #expect(events.map { $0["StreamEvent"] } == ["stream-error", "stream-started", "stream-error"])
            #expect(
                events.map { $0["StreamError"] } == [
                    "31920: Stream - WebSocket - Handshake Error", nil, "31921: Stream - WebSocket - Close Error",
                ]
            )
            #expect(events.allSatisfy { $0["StreamName"] == $0["StreamSid"] && $0["CallSid"] != nil })
        }
    }

    @Test func `a stream's callback is an absolute URL`() async throws {
        let server = TestServer { request, server in
            guard request.path == "/twiml" else { return .noContent }
            return .response("<Connect><Stream url=\"\(server.streamURL)\" statusCallback=\"/events\"/></Connect>")
        } stream: { stream in
            await stream.read { message in
                if message.event == "start" { try await stream.socket.close(code: 1000, reason: "") }
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            #expect(Set(snapshot.problems) == [11100, 31921])
            #expect(server.received("/events").isEmpty)
        }
    }
}
