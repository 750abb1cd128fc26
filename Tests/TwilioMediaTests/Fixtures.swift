import Foundation
import JSON
import NIOCore

enum Fixtures {
    static func lines(_ name: String) throws -> [String] {
        try String(contentsOf: self.url(name), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: String(contentsOf: self.url(name), encoding: .utf8))
    }

    private static func url(_ name: String) -> URL {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures").appendingPathComponent(name)
    }
}
