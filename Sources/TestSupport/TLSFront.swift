import Foundation
import NIOCore
import NIOPosix

/// HAProxy before a server of the tests: speaks TLS with `LocalhostCertificate` and passes everything on.
package struct TLSFront: Sendable {
    /// On loopback.
    package let port: Int
    /// PEM of the root that vouches for it.
    package let rootsFile: String
    private let directory: URL
    private let program: Program

    /// Runs it while `body` runs.
    /// - Parameter target: the port of the server, on loopback.
    package static func run(before target: Int, _ body: (TLSFront) async throws -> Void) async throws {
        let front = try await TLSFront(before: target)
        defer { try? FileManager.default.removeItem(at: front.directory) }
        try await front.program.start()
        do {
            try await eventually("the front listens", every: .milliseconds(50)) {
                guard front.program.exit == nil else { throw Program.Failure(description: front.program.logTail()) }
                let socket = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .connect(host: "127.0.0.1", port: front.port).get()
                try? await socket?.close()
                return socket != nil
            }
            try await body(front)
        } catch {
            try? await front.program.kill()
            throw error
        }
        try await front.program.kill()
    }

    private init(before target: Int) async throws {
        self.port = try await FreePorts.take()
        self.directory = FileManager.default.temporaryDirectory.appending(path: "tls-front-\(UUID())")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        let roots = self.directory.appending(path: "roots.pem")
        let identity = self.directory.appending(path: "identity.pem")
        let file = self.directory.appending(path: "haproxy.cfg")
        self.rootsFile = roots.path()
        try LocalhostCertificate.certificate.write(to: roots, atomically: true, encoding: .utf8)
        try [LocalhostCertificate.certificate, LocalhostCertificate.privateKey].joined(separator: "\n")
            .appending("\n").write(to: identity, atomically: true, encoding: .utf8)
        try """
        defaults
            mode tcp
            timeout connect 5s
            timeout client 60s
            timeout server 60s
        frontend tls
            bind 127.0.0.1:\(self.port) ssl crt \(identity.path())
            default_backend plain
        backend plain
            server target 127.0.0.1:\(target)

        """.write(to: file, atomically: true, encoding: .utf8)
        self.program = Program(
            "tls-front",
            path: try Program.haproxyPath,
            arguments: ["-db", "-f", file.path()],
            logFile: self.directory.appending(path: "log").path()
        )
    }
}
