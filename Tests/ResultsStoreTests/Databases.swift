import Foundation
import ResultsStore
import TestSupport

/// The databases that every test of the store is run on.
enum Engine: String, CaseIterable, Sendable {
    case sqlite
    case postgresql

    /// Runs `body` with the URL of a new, empty database.
    func withDatabase(_ body: (DatabaseURL) async throws -> Void) async throws {
        switch self {
        case .sqlite:
            let directory = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            try await body(DatabaseURL("sqlite:///\(directory.path)/results.sqlite"))
        case .postgresql:
            let server = try await SharedServer.server.value
            try await body(DatabaseURL(await server.create()))
        }
    }

    func withStore(_ body: (DatabaseStore) async throws -> Void) async throws {
        try await self.withDatabase { try await body(DatabaseStore($0)) }
    }
}

/// One server for all tests, which each have a database of their own.
private enum SharedServer {
    static let server = Task { try await PostgreSQLServer.shared() }
}
