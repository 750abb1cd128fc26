/// What is wrong with an agents' file: every problem that was found, in the order of the file.
package struct AgentFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package struct Problem: Equatable, Sendable, CustomStringConvertible {
        package var file: String
        /// From 1.
        package var line: Int
        /// One sentence: what is wrong, and what is right.
        package var message: String

        package var description: String { "\(self.file):\(self.line): \(self.message)" }
    }

    package var problems: [Problem]

    package var description: String { self.problems.map(\.description).joined(separator: "\n") }
}
