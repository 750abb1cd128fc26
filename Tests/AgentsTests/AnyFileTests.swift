import CallEvents
import SeededRandom
import Testing

@testable import Agents

/// Whatever a file holds: it is read, or every problem has a line of it.
@Suite struct AnyFileTests {
    private func read(_ yaml: String) {
        do throws(AgentFileError) {
            let book = try AgentBook(yaml: yaml, file: "a.yaml")
            #expect(book.agentIDs.contains(book.beginsWith))
            for state in [Calls.requested(), Calls.inbound()] {
                #expect(!book.plan(for: state, atUs: Calls.nowUs).agent.tools.isEmpty)
            }
        } catch {
            let lines = yaml.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
            #expect(!error.problems.isEmpty)
            #expect(error.problems.allSatisfy { (1...max(1, lines + 1)).contains($0.line) && !$0.message.isEmpty })
            #expect(error.problems.map(\.line) == error.problems.map(\.line).sorted())
        }
    }

    @Test(arguments: [
        ("[", 50_000), ("{a: ", 50_000), ("- ", 50_000), ("a: &x [*x, ", 5_000), ("? ", 50_000), ("!", 9),
    ])
    func `nesting without end`(_ piece: String, count: Int) {
        self.read(String(repeating: piece, count: count))
        self.read("begin: a\nagents:\n  - id: a\n    tools: " + String(repeating: piece, count: count))
        self.read("tools:\n  - parameters: " + String(repeating: piece, count: 300) + "\n")
    }

    @Test func `the built-in file with some of its lines and characters changed`() {
        let lines = String(decoding: PackageResources.agents_yaml, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let characters = Array("{}[]#^/>&*!|-:'\"\t\n ~?%@`0a\u{0}é")
        var random = SeededGenerator(seed: 3)
        for _ in 0..<150 {
            var changed = lines
            for _ in 0...Int.random(in: 0...3, using: &random) {
                let index = Int.random(in: changed.indices, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: changed.remove(at: index)
                case 1: changed.insert(changed.randomElement(using: &random) ?? "", at: index)
                case 2: changed[index] = String(changed[index].dropLast(Int.random(in: 0...9, using: &random)))
                default:
                    var line = Array(changed[index])
                    line.insert(
                        characters.randomElement(using: &random) ?? " ",
                        at: Int.random(in: 0...line.count, using: &random)
                    )
                    changed[index] = String(line)
                }
            }
            self.read(changed.joined(separator: "\n"))
        }
    }
}
