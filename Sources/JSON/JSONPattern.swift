/// A regular expression of JSON Schema's `pattern`, of the plainest kind: characters, `.`, `\d` `\w` `\s` and their
/// opposites, escaped signs, classes such as `[0-9*#]` and `[^,]`, each with `?`, `*`, `+`, `{2}`, `{2,}` or `{2,4}`
/// behind it, `^` at the beginning and `$` at the end. No groups and no alternatives.
///
/// It is compared with Unicode scalars, in time proportional to the text: no pattern and no text make it slow.
struct JSONPattern: Sendable, Equatable {
    /// As it was written.
    var text: String
    private var parts: [Part] = []
    private var isAnchoredAtStart = false
    private var isAnchoredAtEnd = false

    private struct Part: Sendable, Equatable {
        var ranges: [ClosedRange<UInt32>] = []
        var isNegated = false
        var least = 1
        /// Nil: any number.
        var most: Int? = 1

        func includes(_ scalar: Unicode.Scalar) -> Bool {
            self.ranges.contains { $0.contains(scalar.value) } != self.isNegated
        }
    }

    /// Of repetitions, written out.
    private static let maxStates = 2000

    /// - Returns: nil when it is not of this kind.
    init?(_ text: String) {
        self.text = text
        var rest = Substring(text).unicodeScalars
        if rest.first == "^" {
            self.isAnchoredAtStart = true
            rest.removeFirst()
        }
        while let first = rest.first {
            if first == "$", rest.count == 1 {
                self.isAnchoredAtEnd = true
                break
            }
            guard var part = Self.part(&rest), Self.repetition(&rest, &part) else { return nil }
            self.parts.append(part)
        }
        guard self.parts.reduce(0, { $0 + max($1.least, $1.most ?? 0) + 1 }) <= Self.maxStates else { return nil }
    }

    /// Whether the pattern is somewhere in the text.
    func matches(_ text: String) -> Bool {
        let steps = self.steps
        var states = Set<Int>()
        self.enter(0, steps, &states)
        if self.isDone(states, steps, atEnd: text.isEmpty) { return true }
        let scalars = Array(text.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            var next = Set<Int>()
            for state in states where state < steps.count && steps[state].part.includes(scalar) {
                if steps[state].repeats { self.enter(state, steps, &next) }
                self.enter(state + 1, steps, &next)
            }
            if !self.isAnchoredAtStart { self.enter(0, steps, &next) }
            states = next
            if self.isDone(states, steps, atEnd: index == scalars.count - 1) { return true }
        }
        return false
    }

    private func isDone(_ states: Set<Int>, _ steps: [Step], atEnd: Bool) -> Bool {
        states.contains(steps.count) && (atEnd || !self.isAnchoredAtEnd)
    }

    /// One character each: `{2,4}` is four of them.
    private struct Step {
        var part: Part
        var isOptional: Bool
        var repeats: Bool
    }

    private var steps: [Step] {
        self.parts.flatMap { part in
            let needed = Array(repeating: Step(part: part, isOptional: false, repeats: false), count: part.least)
            guard let most = part.most else { return needed + [Step(part: part, isOptional: true, repeats: true)] }
            return needed
                + Array(repeating: Step(part: part, isOptional: true, repeats: false), count: most - part.least)
        }
    }

    /// Adds the state, and those behind it that need no character.
    private func enter(_ state: Int, _ steps: [Step], _ states: inout Set<Int>) {
        var state = state
        while states.insert(state).inserted, state < steps.count, steps[state].isOptional { state += 1 }
    }
}

// Reading: what is not of the plain kind gives nil or false.
extension JSONPattern {
    private typealias Scalars = Substring.UnicodeScalarView

    private static let syntax = Set("^$\\.*+?()[]{}|".unicodeScalars)

    private static func part(_ rest: inout Scalars) -> Part? {
        let first = rest.removeFirst()
        switch first {
        case ".": return Part(ranges: [0xa...0xa, 0xd...0xd, 0x2028...0x2029], isNegated: true)
        case "[": return self.characterClass(&rest)
        case "\\": return self.escape(&rest)
        case _ where self.syntax.contains(first): return nil
        default: return Part(ranges: [first.value...first.value])
        }
    }

    private static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
    private static let words: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a]
    /// ECMA-262: WhiteSpace and LineTerminator.
    private static let spaces: [ClosedRange<UInt32>] = [
        0x9...0xd, 0x20...0x20, 0xa0...0xa0, 0x1680...0x1680, 0x2000...0x200a, 0x2028...0x2029, 0x202f...0x202f,
        0x205f...0x205f, 0x3000...0x3000, 0xfeff...0xfeff,
    ]

    private static func escape(_ rest: inout Scalars) -> Part? {
        guard let escaped = rest.popFirst() else { return nil }
        switch escaped {
        case "d": return Part(ranges: self.digits)
        case "D": return Part(ranges: self.digits, isNegated: true)
        case "w": return Part(ranges: self.words)
        case "W": return Part(ranges: self.words, isNegated: true)
        case "s": return Part(ranges: self.spaces)
        case "S": return Part(ranges: self.spaces, isNegated: true)
        default:
            guard "-/".unicodeScalars.contains(escaped) || self.syntax.contains(escaped) else { return nil }
            return Part(ranges: [escaped.value...escaped.value])
        }
    }

    private static func characterClass(_ rest: inout Scalars) -> Part? {
        var part = Part()
        if rest.first == "^" {
            part.isNegated = true
            rest.removeFirst()
        }
        while let first = rest.popFirst() {
            if first == "]" { return part.ranges.isEmpty ? nil : part }
            guard first != "[",
                let low = first == "\\" ? self.escape(&rest) : Part(ranges: [first.value...first.value]),
                !low.isNegated
            else { return nil }
            guard rest.first == "-", rest.dropFirst().first != "]" else {
                part.ranges += low.ranges
                continue
            }
            rest.removeFirst()
            guard let last = rest.popFirst(), last != "[", last != "\\", low.ranges.count == 1,
                low.ranges[0].count == 1, low.ranges[0].lowerBound <= last.value
            else { return nil }
            part.ranges.append(low.ranges[0].lowerBound...last.value)
        }
        return nil
    }

    /// - Returns: false when what stands there is not of the plain kind.
    private static func repetition(_ rest: inout Scalars, _ part: inout Part) -> Bool {
        switch rest.first {
        case "?": (part.least, part.most) = (0, 1)
        case "*": (part.least, part.most) = (0, nil)
        case "+": (part.least, part.most) = (1, nil)
        case "{":
            guard let end = rest.firstIndex(of: "}") else { return false }
            let bounds = String(rest[..<end].dropFirst()).split(separator: ",", omittingEmptySubsequences: false)
            let numbers = bounds.map { $0.first == "+" ? nil : UInt16($0).map(Int.init) }
            guard let least = numbers[0], numbers.count <= 2 else { return false }
            part.least = least
            part.most = numbers.count == 1 ? least : numbers[1]
            guard numbers.count == 1 || bounds[1].isEmpty || numbers[1] != nil, part.most ?? least >= least
            else { return false }
            rest = rest[end...]
        default: return true
        }
        rest.removeFirst()
        // `*?` and the like take as little as they can: the same strings, but not of this kind.
        return rest.first.map { !"?*+{".unicodeScalars.contains($0) } ?? true
    }
}
