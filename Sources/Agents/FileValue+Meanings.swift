import JSON
import Yams

// Values with a meaning of their own.
extension FileValue {
    /// An identifier as function names may be: small letters, digits and `_`, with a letter in front.
    func name(limit: Int) -> String? {
        guard let text = self.text() else { return nil }
        let isName = text.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789_".contains($0) }
        guard isName, text.first.map({ $0.isLetter }) == true, text.count <= limit else {
            self.report(
                "\(self.name) must begin with a small letter, and have small letters, digits and _ up to \(limit)."
            )
            return nil
        }
        return text
    }

    func template(partials: Set<String>?) -> Template? {
        guard let text = self.text() else { return nil }
        var found: [Template.Problem] = []
        let template = Template(text, partials: partials, problems: &found)
        // The lines of a block are those of the file, below the line with the `|`; of other text they are not known.
        let isBlock = self.node.scalar?.style == .literal
        for problem in found { self.problems.report(self.line + (isBlock ? problem.line : 0), problem.message) }
        return template
    }

    /// The JSON Schema of a tool's arguments, and its text. A keyword that is not checked is a problem: it would be
    /// a promise that nobody keeps.
    func schema() -> (schema: JSONSchema, text: String)? {
        guard let json = self.json() else { return nil }
        guard json["type"] == "object" else {
            self.report("\(self.name) must be a JSON Schema of type object.")
            return nil
        }
        do {
            return (try JSONSchema(json), json.text)
        } catch {
            for problem in error.problems {
                let line = self.line(of: problem[...], under: self.line)
                self.problems.report(line, "\(self.name): \(problem).")
            }
            return nil
        }
    }

    /// Where the path stands with which a problem of the schema begins: `properties.price.minimum must be …`.
    /// - Parameter line: where the key of this value stands.
    private func line(of problem: Substring, under line: Int) -> Int {
        guard let mapping = self.node.mapping.map({ FileMapping(self, $0) }) else { return line }
        let keys = mapping.names.filter { problem.hasPrefix("\($0).") || problem.hasPrefix("\($0) ") }
        guard let key = keys.max(by: { $0.count < $1.count }) else { return line }
        let place = mapping.line(of: key)
        return mapping[key]?.line(of: problem.dropFirst(key.count + 1), under: place) ?? place
    }

    /// US dollars, as billionths: 0 to 10,000 with at most nine decimals.
    func nanodollars() -> Int64? {
        let parts = (self.node.scalar?.string ?? "").split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        let areDigits = parts.allSatisfy { $0.allSatisfy { "0123456789".contains($0) } && !$0.isEmpty }
        guard (1...2).contains(parts.count), areDigits, parts[0].count <= 5, fraction.count <= 9,
            let value = Int64(parts[0] + fraction + String(repeating: "0", count: 9 - fraction.count)),
            value <= 10_000_000_000_000
        else {
            self.report("\(self.name) must be an amount of US dollars from 0 to 10000, such as 1.50.")
            return nil
        }
        return value
    }
}
