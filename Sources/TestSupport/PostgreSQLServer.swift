import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// PostgreSQL from the system's package, on a free port of loopback and in a folder of its own. It ends with the test
/// process. It does not run as root: where the tests do, it runs as the package's user.
package final class PostgreSQLServer: Sendable {
    private static let user = "voice"
    /// With characters that mean something in a URL.
    private static let password = "p@ss/w:rd"

    package let port: Int
    private let directory: String
    private let program: Program
    private let isOwner: Bool

    /// Makes an empty cluster, starts it and waits until it answers; ends it when `body` has ended.
    package static func run<Result: Sendable>(_ body: (PostgreSQLServer) async throws -> Result) async throws -> Result
    {
        let server = try await PostgreSQLServer(port: FreePorts.take())
        do {
            try await server.start()
            let result = try await body(server)
            try await server.end()
            return result
        } catch {
            try? await server.end()
            throw error
        }
    }

    /// One that runs until the test process ends.
    package static func shared() async throws -> PostgreSQLServer {
        let server = try await PostgreSQLServer(port: FreePorts.take())
        try await server.start()
        return server
    }

    private init(port: Int) throws {
        self.port = port
        let parent = FileManager.default.temporaryDirectory.path
        Self.removeLeftovers(in: parent)
        self.directory = "\(parent)/\(Self.prefix)\(getpid())-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        self.isOwner = geteuid() != 0
        let data = "\(self.directory)/data"
        if !self.isOwner {
            guard let entry = getpwnam("postgres"),
                chown(self.directory, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0
            else {
                throw Program.Failure(description: "there is no user postgres; Deploy/packages.sh test installs it")
            }
        }
        // Nothing of a test needs to outlive the machine.
        let settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=", "max_connections=100",
            "shared_buffers=64MB",
        ]
        self.program = Self.program(
            "postgres",
            ["-D", data] + settings.flatMap { ["-c", $0] },
            isOwner: self.isOwner,
            logFile: "\(self.directory)/postgres.log"
        )
    }

    private static let prefix = "lifehub-voice-postgresql-"

    /// A server that runs until its process ends leaves its folder behind: whoever comes next removes it.
    private static func removeLeftovers(in parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] where name.hasPrefix(prefix) {
            let pid = name.dropFirst(prefix.count).prefix { $0.isNumber }
            guard let pid = Int32(pid), systemKill(pid, 0) != 0, errno == ESRCH else { continue }
            try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
        }
    }

    /// Of a database that `create` has made.
    package func url(_ database: String) -> String {
        "postgresql://\(Self.user):p%40ss%2Fw%3Ard@127.0.0.1:\(self.port)/\(database)?sslmode=disable"
    }

    /// Makes a new, empty database.
    /// - Returns: its URL.
    package func create(_ database: String = "test\(UInt32.random(in: .min ... .max))") async throws -> String {
        try await self.query("CREATE DATABASE \(database)")
        return self.url(database)
    }

    /// What psql prints for it, without alignment.
    @discardableResult
    package func query(_ sql: String, database: String = "postgres") async throws -> String {
        let log = "\(self.directory)/psql-\(UUID().uuidString).log"
        let psql = Program(
            "psql",
            path: try Self.executable("psql"),
            arguments: ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url(database)],
            logFile: log
        )
        try await psql.start()
        let exit = try await psql.exited(within: .seconds(60))
        guard exit == .code(0) else { throw Program.Failure(description: "psql: \(psql.log())") }
        return psql.log()
    }

    /// Starts it again where it was stopped.
    package func start() async throws {
        if !FileManager.default.fileExists(atPath: "\(self.directory)/data") { try await self.initialise() }
        try await self.program.start()
        try await eventually("PostgreSQL answers", timeout: .seconds(60), detail: self.program.logTail()) {
            (try? await self.query("SELECT 1")) != nil
        }
    }

    /// Ends it as a crash would: connections break, and it recovers when it is started again.
    package func crash() async throws {
        guard let pid = self.program.pid else { return }
        // What `pg_ctl stop -m immediate` does.
        _ = systemKill(pid, SIGQUIT)
        _ = try await self.program.exited(within: .seconds(60))
    }

    private func end() async throws {
        try await self.crash()
        try FileManager.default.removeItem(atPath: self.directory)
    }

    private func initialise() async throws {
        let passwordFile = "\(self.directory)/password"
        try Self.password.write(toFile: passwordFile, atomically: false, encoding: .utf8)
        let initdb = Self.program(
            "initdb",
            [
                "-D", "\(self.directory)/data", "-U", Self.user, "--pwfile", passwordFile, "-A", "scram-sha-256",
                "-E", "UTF8", "--no-sync",
            ],
            isOwner: self.isOwner,
            logFile: "\(self.directory)/initdb.log"
        )
        try await initdb.start()
        guard try await initdb.exited(within: .seconds(60)) == .code(0) else {
            throw Program.Failure(description: "initdb: \(initdb.log())")
        }
    }

    private static func program(_ name: String, _ arguments: [String], isOwner: Bool, logFile: String) -> Program {
        let path = (try? self.executable(name)) ?? name
        if isOwner { return Program(name, path: path, arguments: arguments, logFile: logFile) }
        return Program(
            name,
            path: "/usr/bin/setpriv",
            // Taking another user forgets that it is to end with its parent: it is said again.
            arguments: [
                "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--pdeathsig", "KILL", "--", path,
            ] + arguments,
            logFile: logFile
        )
    }

    /// Debian has the programs of each version in a folder of its own.
    private static func executable(_ name: String) throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let folders = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
        let candidates = (folders + ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]).map { "\($0)/\(name)" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw Program.Failure(description: "\(name) is not installed; Deploy/packages.sh test installs postgresql")
        }
        return path
    }
}
