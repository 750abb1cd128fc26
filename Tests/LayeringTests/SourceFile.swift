import Foundation
import Testing

/// A Swift file of the package.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Relative to the package, such as `Sources/Kafka/KafkaError.swift`.
    var path: String
    var text: String

    /// The module that the file belongs to; nil for what is not under `Sources`.
    var module: String? {
        let parts = self.path.split(separator: "/").map(String.init)
        guard parts.first == "Sources", parts.count > 2 else { return nil }
        switch parts[1] {
        case "Stages", "Simulators", "Executables": return parts[2]
        default: return parts[1]
        }
    }

    var isExecutable: Bool { self.path.hasPrefix("Sources/Executables/") }

    var isGenerated: Bool { self.path.hasSuffix(".pb.swift") }

    var lines: Int { self.text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 }

    /// The modules that it imports: also `import struct X.Y` and `@testable package import X`.
    var imports: Set<String> {
        var found: Set<String> = []
        for line in self.text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let position = words.firstIndex(of: "import"), position < 3, words.count > position + 1,
                words[..<position].allSatisfy({ $0.hasPrefix("@") || Self.accessLevels.contains($0) })
            else { continue }
            var name = words[position + 1]
            if Self.kinds.contains(name), words.count > position + 2 { name = words[position + 2] }
            found.insert(String(name.prefix { $0 != "." }))
        }
        return found
    }

    private static let accessLevels: Set<Substring> = ["public", "package", "internal", "private"]
    private static let kinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
    ]

    var testDescription: String { self.path }
}

/// The package's own files, read once.
enum Package {
    static let directory: URL = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let files: [SourceFile] = {
        var files: [SourceFile] = []
        for folder in ["Sources", "Tests"] {
            let root = Self.directory.appending(path: folder)
            let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
            for path in paths.sorted() where path.hasSuffix(".swift") {
                guard let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) else { continue }
                files.append(SourceFile(path: "\(folder)/\(path)", text: text))
            }
        }
        return files
    }()

    static let sources: [SourceFile] = Self.files.filter { $0.path.hasPrefix("Sources/") }
}
