import Foundation

/// The recordings that the simulators speak with and recognise.
///
/// `make-recordings.sh` makes them from `Recordings/utterances.tsv` (name, speaker, text).
package enum Speech {
    /// All recordings in the order of the table; empty when the resources of the build are missing.
    package static let all: [Utterance] = (try? Self.load()) ?? []

    private static let byName = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.name, $0) })

    package static func utterance(_ name: String) -> Utterance? {
        self.byName[name]
    }

    private static func load() throws -> [Utterance] {
        let folder = Bundle.module.bundleURL.appending(path: "Recordings")
        let table = try String(contentsOf: folder.appending(path: "utterances.tsv"), encoding: .utf8)
        return try table.split(separator: "\n").compactMap { line in
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count == 3, let speaker = Utterance.Speaker(rawValue: String(columns[1])) else { return nil }
            let name = String(columns[0])
            let mulaw = try Data(contentsOf: folder.appending(path: "\(name).ulaw"))
            return Utterance(name: name, text: String(columns[2]), speaker: speaker, mulaw: Array(mulaw))
        }
    }
}
