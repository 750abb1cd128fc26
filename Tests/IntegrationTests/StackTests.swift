import AsyncHTTPClient
import CallEvents
import Kafka
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// The whole system as processes.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct StackTests {
    @Test func `the public address leads to the stage that owns each path`() async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        var configuration = Stack.Configuration()
        configuration.bootstrapServers = broker.bootstrapServers
        configuration.profile = .embedded
        configuration.topicPrefix = broker.topics.prefix
        configuration.ingressInstances = 2
        try await Stack.run(configuration) { stack in
            for (method, path, status) in [
                (HTTPMethod.GET, "/api/voice/stream", 426),
                (.GET, "/api/voice/status?callSid=CA00000000000000000000000000000000", 404),
                (.POST, "/api/voice/status", 403),
                (.POST, "/api/voice/twiml", 403),
                (.POST, "/api/voice/amd", 403),
                (.POST, "/api/voice/stream-status", 403),
                (.POST, "/api/voice/initiate-call", 400),
                (.GET, "/nowhere", 404),
                (.GET, "/", 200),
                (.GET, "/realtime-call-monitor.js", 200),
                (.GET, "/monitor/monitor.js", 200),
                (.GET, "/api/voice/calls", 200),
                (.GET, "/api/voice/stats", 200),
                (.GET, "/api/voice/login", 200),
                (.POST, "/api/voice/logout", 204),
                (.GET, "/api/voice/openapi.json", 200),
                (.OPTIONS, "/api/voice/status", 405),
                (.HEAD, "/api/voice/events", 200),
            ] {
                var request = HTTPClientRequest(url: stack.publicURL + path)
                request.method = method
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
                #expect(Int(response.status.code) == status, "\(method) \(path)")
            }
            try await stack.ingresses[0].program.kill()
            let request = HTTPClientRequest(url: stack.publicURL + "/api/voice/stream")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
            #expect(response.status == .upgradeRequired)
            try await stack.ingresses[0].startAndWait()
        }
        broker.stop()
    }
}
