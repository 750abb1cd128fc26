import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One of the package's executables, or another program, as a process of its own that tests start, kill and start again.
///
/// What it prints goes to a file. It ends with the test process, also when that crashes (Linux).
package final class Program: Sendable {
    package enum Exit: Sendable, Equatable {
        case code(Int32)
        case signal(Int32)
    }

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private enum State {
        case idle
        case running(pid_t)
        case ended(Exit)
    }

    package let name: String
    /// Standard output and error of all its runs.
    package let logFile: String
    private let path: String
    private let arguments: [String]
    private let environment: [String: String]
    private let state = Mutex(State.idle)

    /// - Parameters:
    ///   - path: of the executable; default: the package's executable `name`, from where the running tests were built.
    ///   - environment: all of it, but for `PATH` and `HOME`, which come from the tests' own.
    package init(
        _ name: String,
        path: String? = nil,
        arguments: [String] = [],
        environment: [String: String] = [:],
        logFile: String
    ) {
        self.name = name
        self.path = path ?? "\(Self.buildDirectory)/\(name)"
        self.arguments = arguments
        self.environment = environment
        self.logFile = logFile
    }

    /// Where the test bundle lies, and the executables beside it.
    package static let buildDirectory: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Where the tests run inside a helper, the bundle is one of its arguments.
        let bundle = own.hasSuffix(".xctest") ? own : CommandLine.arguments.first { $0.contains(".xctest") } ?? own
        return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.endIndex)])
    }()

    /// Where HAProxy is installed.
    static var haproxyPath: String {
        get throws {
            let candidates = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/opt/homebrew/bin/haproxy"]
            guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
                throw Failure(description: "haproxy is not installed; Deploy/packages.sh test installs it")
            }
            return path
        }
    }

    /// HAProxy with `Deploy/haproxy.cfg`.
    /// - Parameters:
    ///   - port: where it is to listen, on loopback.
    ///   - environment: where the stages are, as that file says.
    package static func proxy(port: Int, environment: [String: String], logFile: String) throws -> Program {
        let path = #filePath
        let package = path[..<(path.ranges(of: "/Sources/TestSupport/").last?.lowerBound ?? path.endIndex)]
        return Program(
            "haproxy",
            path: try self.haproxyPath,
            arguments: ["-db", "-f", "\(package)/Deploy/haproxy.cfg"],
            environment: environment.merging(["HAPROXY_PORT": "\(port)"]) { $1 },
            logFile: logFile
        )
    }

    /// nil when it does not run.
    package var pid: Int32? {
        self.state.withLock { state in
            Self.reap(&state)
            if case .running(let pid) = state { return pid }
            return nil
        }
    }

    /// How its last run ended; nil when it runs or never did.
    package var exit: Exit? {
        self.state.withLock { state in
            Self.reap(&state)
            if case .ended(let exit) = state { return exit }
            return nil
        }
    }

    /// Starts it, for the first time or again, with the same arguments and environment.
    package func start() async throws {
        guard self.pid == nil else { throw Failure(description: "\(self.name) runs already") }
        // The system ends a child whose parent *thread* ends, so it is started by one that does not.
        let pid = try await NIOThreadPool.singleton.runIfActive { try self.spawn() }
        self.state.withLock { $0 = .running(pid) }
    }

    /// SIGKILL, and waits until it is gone.
    package func kill() async throws {
        try await self.end(with: SIGKILL, limit: .seconds(10))
    }

    /// SIGTERM, and waits until it is gone; kills it when that takes longer than `limit`.
    package func stop(limit: Duration = .seconds(30)) async throws {
        do {
            try await self.end(with: SIGTERM, limit: limit)
        } catch {
            self.resume()
            try await self.kill()
            throw error
        }
    }

    /// SIGTERM, and waits for nothing.
    package func terminate() { self.signal(SIGTERM) }

    /// SIGSTOP: it holds its sockets and its memory, and does nothing.
    package func suspend() { self.signal(SIGSTOP) }

    /// SIGCONT.
    package func resume() { self.signal(SIGCONT) }

    /// Waits for it to end by itself.
    package func exited(within limit: Duration = .seconds(30)) async throws -> Exit {
        try await eventually("the end of \(self.name)", timeout: limit) { self.exit }
    }

    /// The last lines that it printed.
    package func logTail(lines: Int = 30) -> String {
        self.log().split(separator: "\n", omittingEmptySubsequences: false).suffix(lines).joined(separator: "\n")
    }

    /// All that it printed.
    package func log() -> String {
        guard let file = fopen(self.logFile, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func signal(_ signal: Int32) {
        self.state.withLock { state in
            // Under the lock nobody else reaps it, so the id is still its own.
            Self.reap(&state)
            if case .running(let pid) = state { _ = systemKill(pid, signal) }
        }
    }

    private func end(with signal: Int32, limit: Duration) async throws {
        self.signal(signal)
        try await eventually("the end of \(self.name) after signal \(signal)", timeout: limit) { self.pid == nil }
    }

    private static func reap(_ state: inout State) {
        guard case .running(let pid) = state else { return }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return }
        let signal = status & 0x7f
        state = .ended(signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal))
    }

    private func spawn() throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, self.logFile, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)

        // A thread of a pool blocks most signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var command = [self.path] + self.arguments
        #if os(Linux)
            command = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] + command
        #endif
        var environment = self.environment
        for name in ["PATH", "HOME"] where environment[name] == nil {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }

        guard access(self.path, X_OK) == 0 else { throw Failure(description: "no executable at \(self.path)") }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, command[0], &actions, &attributes, &argv, &envp)
        guard result == 0 else {
            throw Failure(description: "cannot start \(self.name): \(String(cString: strerror(result)))")
        }
        return pid
    }
}

/// `kill` of the C library, which `Program.kill` hides.
func systemKill(_ pid: pid_t, _ signal: Int32) -> Int32 {
    kill(pid, signal)
}
