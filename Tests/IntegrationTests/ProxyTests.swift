import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

/// HAProxy as it is deployed, before an instance that dies.
@Suite(.timeLimit(.minutes(1)))
struct ProxyTests {
    @Test func `a webhook whose instance dies is answered by the next attempt, though its body is late`() async throws {
        let webhooks = Atomic(0)
        let instance = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Instance { webhooks.add(1, ordering: .relaxed).newValue == 1 }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let logFile = FileManager.default.temporaryDirectory.appending(path: "proxy-\(UUID()).log").path()
        defer { try? FileManager.default.removeItem(atPath: logFile) }
        let port = try await FreePorts.take()
        let environment = Dictionary(
            uniqueKeysWithValues: ["INGRESS_PORT", "INGRESS_ADMIN_PORT", "SINK_PORT", "SINK_ADMIN_PORT"]
                .map { ($0, "\(instance.localAddress?.port ?? 0)") }
        )
        let proxy = try Program.proxy(port: port, environment: environment, logFile: logFile)
        try await proxy.start()
        try await eventually("HAProxy listens", every: .milliseconds(50)) {
            try? await Answer.send(.GET, "/", toPort: port, within: .seconds(2))
        }

        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/api/voice/twiml")
        request.method = .POST
        // So late that a proxy that does not wait for it has sent the head on.
        let body = AsyncStream { continuation in
            Task {
                try await Task.sleep(for: .milliseconds(200))
                continuation.yield(ByteBuffer(string: "CallSid=CA0"))
                continuation.finish()
            }
        }
        request.body = .stream(body, length: .known(Int64(11)))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        #expect(answer.status == .noContent)
        #expect(webhooks.load(ordering: .relaxed) == 2)
        try await proxy.kill()
        try await instance.close()
    }

    /// Answers what asks whether it is ready, and webhooks unless it dies of them.
    private final class Instance: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let dies: @Sendable () -> Bool
        private var received = ""
        private var isWebhook = false

        init(dies: @escaping @Sendable () -> Bool) {
            self.dies = dies
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.received += String(buffer: Self.unwrapInboundIn(data))
            guard self.received.contains("\r\n\r\n") else { return }
            guard self.received.hasPrefix("POST") else { return self.answer("200 OK", context) }
            if !self.isWebhook {
                self.isWebhook = true
                if self.dies() { return context.close(promise: nil) }
            }
            if self.received.hasSuffix("CallSid=CA0") { self.answer("204 No Content", context) }
        }

        private func answer(_ status: String, _ context: ChannelHandlerContext) {
            self.received = ""
            let text = "HTTP/1.1 \(status)\r\n\(status.hasPrefix("200") ? "Content-Length: 0\r\n" : "")\r\n"
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
