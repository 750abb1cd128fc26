/// Goes through the tags of a template that Mustache can read, and finds the names that no call has and the tags that
/// are not supported here.
struct TemplateScan {
    private(set) var problems: [Template.Problem] = []
    private var rest: Substring
    private var line = 1
    private let partials: Set<String>?
    /// Open sections: what may be named inside of each, beside what is outside of it.
    private var scopes: [[String: TemplateVariable]] = [TemplateVariable.ofCall]

    init(_ text: String, partials: Set<String>?) {
        self.rest = text[...]
        self.partials = partials
    }

    mutating func run() {
        while let open = self.rest.firstRange(of: "{{") {
            self.advance(to: open.upperBound)
            guard let close = self.rest.firstRange(of: "}}") else { return }
            self.take(self.rest[..<close.lowerBound])
            self.advance(to: close.upperBound)
        }
    }

    private mutating func advance(to index: Substring.Index) {
        self.line += self.rest[..<index].count { $0.isNewline }
        self.rest = self.rest[index...]
    }

    private mutating func take(_ tag: Substring) {
        let sigil = tag.first ?? " "
        let name = tag.dropFirst().filter { !$0.isWhitespace }
        switch sigil {
        case "!": return
        case "#": self.open(name)
        case "^":
            self.resolve(name)
            self.scopes.append([:])
        case "/": if self.scopes.count > 1 { self.scopes.removeLast() }
        case ">": self.include(name)
        case "{", "&", "=", "%", "<", "$", "*":
            self.report(
                "{{\(sigil)…}} is not supported: use {{name}}, {{#name}}, {{^name}}, {{! comment}}, {{> partial}}."
            )
        default: self.show(tag.filter { !$0.isWhitespace })
        }
    }

    private mutating func open(_ name: String) {
        switch self.resolve(name) {
        case .list(let members), .object(let members): self.scopes.append(members)
        case .text, .flag, nil: self.scopes.append([:])
        }
    }

    private mutating func show(_ name: String) {
        switch self.resolve(name) {
        case .text, nil: return
        case .flag: self.report("\(name) is true or false: use it as {{#\(name)}}…{{/\(name)}}.")
        case .list, .object: self.report("\(name) has parts: use it as {{#\(name)}}…{{/\(name)}}.")
        }
    }

    private mutating func include(_ name: String) {
        guard let partials = self.partials else { return self.report("A partial cannot include another one.") }
        if !partials.contains(name) {
            self.report("There is no partial \(name); there are: \(partials.sorted().joined(separator: ", ")).")
        }
    }

    @discardableResult
    private mutating func resolve(_ name: String) -> TemplateVariable? {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let first = parts.removeFirst()
        var found = self.scopes.last { $0[first] != nil }?[first]
        for part in parts {
            guard case .object(let members) = found else {
                found = nil
                break
            }
            found = members[part]
        }
        if found == nil {
            let known = Set(self.scopes.flatMap(\.keys)).sorted().joined(separator: ", ")
            self.report("Nothing is known as \(name) here; there are: \(known).")
        }
        return found
    }

    private mutating func report(_ message: String) {
        self.problems.append(Template.Problem(line: self.line, message: message))
    }
}
