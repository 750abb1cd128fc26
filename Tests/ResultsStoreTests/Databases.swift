import Foundation
import ResultsStore

/// The databases that every test of the store is run on.
enum Engine: String, CaseIterable, Sendable {
    case sqlite

    /// Runs `body` with the URL of a new, empty database.
    func withDatabase(_ body: (DatabaseURL) async throws -> Void) async throws {
        switch self {
        case .sqlite:
            let directory = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            try await body(DatabaseURL("sqlite:///\(directory.path)/results.sqlite"))
        }
    }

    func withStore(_ body: (DatabaseStore) async throws -> Void) async throws {
        try await self.withDatabase { try await body(DatabaseStore($0)) }
    }
}
