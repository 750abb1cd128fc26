import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Ports on loopback that nobody listens on, for programs that must be told theirs.
///
/// A port stays this process's own until the process ends, also while its program is down: a socket is bound to it that
/// never listens. A server that sets `SO_REUSEADDR`, as servers do, can still bind it; nobody else is given it, not even
/// tests in another process at the same time. All lie below the range that the system takes the ports of outgoing
/// connections from.
package enum FreePorts {
    /// Bound, and never closed.
    private static let reserved = Mutex<[Int32]>([])

    package static func take() async throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 12_000..<32_000)
            if let socket = self.bind(to: port) {
                self.reserved.withLock { $0.append(socket) }
                return port
            }
        }
        throw TimedOut("a free port", limit: .zero)
    }

    private static func bind(to port: Int) -> Int32? {
        #if os(Linux)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                systemBind(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Not before: whoever else has the port, listening or not, keeps it.
        var yes: Int32 = 1
        guard bound == 0,
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
        else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}

/// `bind` of the C library, which `FreePorts.bind` hides.
private func systemBind(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
    bind(descriptor, address, length)
}
