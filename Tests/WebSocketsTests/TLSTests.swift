import NIOCore
import NIOPosix
import NIOSSL
import TestSupport
import Testing
import WebSockets

#if canImport(Glibc)
    import Glibc
#endif

@Suite(.timeLimit(.minutes(1)))
struct TLSTests {
    /// A server for `localhost` that signed its certificate itself and answers everything with 403.
    private func withServer(_ body: (_ port: Int) async throws -> Void) async throws {
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [
                    .certificate(NIOSSLCertificate(bytes: Array(LocalhostCertificate.certificate.utf8), format: .pem))
                ],
                privateKey: .privateKey(
                    NIOSSLPrivateKey(bytes: Array(LocalhostCertificate.privateKey.utf8), format: .pem)
                )
            )
        )
        let server = try await ServerBootstrap(group: loops)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    try pipeline.addHandler(Refusing())
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let port = try #require(server.localAddress?.port)
        try await body(port)
        try await server.close()
    }

    private final class Refusing: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let answer = ByteBuffer(string: "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nbody")
            context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a certificate that nobody vouches for is not accepted`(host: String) async throws {
        try await self.withServer { port in
            let error = await #expect(throws: WebSocketError.self) {
                try await client().connect(to: "wss://\(host):\(port)/") { _ in }
            }
            #expect(error?.code == .connectFailed)
            #expect(error?.detail.contains("CERTIFICATE_VERIFY_FAILED") == true)
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a root that is trusted by configuration is accepted`(host: String) async throws {
        let path = "/tmp/web-sockets-tests-\(UInt64.random(in: .min ... .max)).pem"
        let file = try #require(fopen(path, "w"))
        fputs(LocalhostCertificate.certificate, file)
        fclose(file)
        defer { unlink(path) }
        var configuration = WebSocketClient.Configuration()
        configuration.trustedRootsFile = path
        let trusting = WebSocketClient(configuration: configuration, eventLoopGroup: loops)
        try await self.withServer { port in
            await #expect(throws: WebSocketError(.notUpgraded, status: 403, detail: "body")) {
                try await trusting.connect(to: "wss://\(host):\(port)/") { _ in }
            }
        }
    }
}
