import NIOCore
import NIOPosix
import NIOSSL
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
                certificateChain: [.certificate(NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem))],
                privateKey: .privateKey(NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem))
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
        fputs(certificate, file)
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

/// Of nobody: made for these tests, for `localhost` and 127.0.0.1.
private let privateKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgr0QuQr3jk+JwvYv2
    lSAeM9Go6W6m30LBSsIbSVoMWKWhRANCAAQk3VF4Q94U6+zsCqWkkNV6xN6L/ih4
    GcHiE6srk3XiJ82TXBoYZ5gWl4uk8YKtfuMX43JSs6Gf8ycOF8y8yPJ4
    -----END PRIVATE KEY-----
    """

private let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBmzCCAUGgAwIBAgIUedfMwdxL7gud0nt+rYS32k84KBgwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA0NDAwMFoYDzIxMjYxMDMw
    MDQ0MDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
    PQMBBwNCAAQk3VF4Q94U6+zsCqWkkNV6xN6L/ih4GcHiE6srk3XiJ82TXBoYZ5gW
    l4uk8YKtfuMX43JSs6Gf8ycOF8y8yPJ4o28wbTAdBgNVHQ4EFgQUFSVjZ2O8z5i4
    ic0jbOz4gE/Q7iIwHwYDVR0jBBgwFoAUFSVjZ2O8z5i4ic0jbOz4gE/Q7iIwDwYD
    VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
    zj0EAwIDSAAwRQIgMWS19FM6+VOOYsRp4rjUoXmEzeJTzcgNef31rVbSL74CIQDl
    zX56tqvAdG5AbZg2b6GzbW8RfjnNiRQIjCPkeLwPww==
    -----END CERTIFICATE-----
    """
