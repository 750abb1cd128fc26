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

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
