extension JSONSchema {
    /// What is wrong with `value`, everything at once, in sentences from which whoever made it can correct it: where,
    /// what is allowed, and what to do. Empty when it is as the schema says.
    /// - Parameter whole: what to call the value itself.
    package func problems(in value: JSONValue, whole: String = "The value") -> [String] {
        var problems: [String] = []
        self.check(value, Place(whole: whole), &problems)
        return problems
    }

    /// Where in the value: `items[0].quantity`.
    private struct Place {
        var whole: String
        var path = ""

        var name: String { self.path.isEmpty ? self.whole : self.path }

        subscript(key: String) -> Place {
            Place(whole: self.whole, path: self.path.isEmpty ? key : "\(self.path).\(key)")
        }

        subscript(index: Int) -> Place { Place(whole: self.whole, path: "\(self.path)[\(index)]") }
    }

    private func check(_ value: JSONValue, _ place: Place, _ problems: inout [String]) {
        if let kinds = self.kinds, !kinds.contains(where: { $0.includes(value) }) {
            problems.append("\(place.name) must be \(self.kindText), not \(value.quoted).")
            return
        }
        if let values = self.values, !values.contains(value) {
            let allowed = values.map(\.quoted).joined(separator: ", ")
            let limit = values.count == 1 ? "be" : "be one of"
            problems.append("\(place.name) must \(limit) \(allowed), not \(value.quoted).")
            return
        }
        switch value {
        case .null, .bool: break
        case .integer, .number: self.check(number: value, place, &problems)
        case .string(let text): self.check(text: text, place, &problems)
        case .array(let elements): self.check(elements: elements, place, &problems)
        case .object(let members): self.check(members: members, place, &problems)
        }
    }

    private func check(number value: JSONValue, _ place: Place, _ problems: inout [String]) {
        guard let number = value.doubleValue else { return }
        if let least = self.number.least, number < least {
            problems.append("\(place.name) must be at least \(least.plain), not \(value.quoted).")
        }
        if let most = self.number.most, number > most {
            problems.append("\(place.name) must be at most \(most.plain), not \(value.quoted).")
        }
    }

    private func check(text: String, _ place: Place, _ problems: inout [String]) {
        let length = Double(text.unicodeScalars.count)
        if let least = self.length.least, length < least {
            problems.append(
                least == 1
                    ? "\(place.name) must not be empty." : "\(place.name) needs at least \(least.plain) characters."
            )
        }
        if let most = self.length.most, length > most {
            problems.append(
                "\(place.name) may have at most \(most.plain) characters, not \(length.plain): make it shorter."
            )
        }
        if let pattern = self.pattern, !pattern.matches(text) {
            problems.append(
                "\(place.name) must match \(pattern.text), which \(JSONValue.string(text).quoted) does not."
            )
        }
    }

    private func check(elements: [JSONValue], _ place: Place, _ problems: inout [String]) {
        let count = Double(elements.count)
        if let least = self.count.least, count < least {
            problems.append(
                least == 1
                    ? "\(place.name) must not be empty." : "\(place.name) needs at least \(least.plain) elements."
            )
        }
        if let most = self.count.most, count > most {
            problems.append("\(place.name) may have at most \(most.plain) elements, not \(count.plain).")
        }
        guard let schema = self.items.first else { return }
        for (index, element) in elements.enumerated() { schema.check(element, place[index], &problems) }
    }

    private func check(members: [String: JSONValue], _ place: Place, _ problems: inout [String]) {
        for name in self.required where members[name] == nil {
            let kind = self.properties[name]?.kindText ?? "any value"
            problems.append("\(place[name].name) is missing: it is required, as \(kind).")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if let schema = self.properties[name] {
                schema.check(value, place[name], &problems)
                continue
            }
            switch self.additional {
            case .allowed: break
            case .forbidden:
                let known = self.properties.keys.sorted().joined(separator: ", ")
                problems.append(
                    "\(place[String(name.prefix(60))].name) is not known: leave it out. Known are: "
                        + "\(known.isEmpty ? "none" : known)."
                )
            case .checked(let schema): schema.first?.check(value, place[name], &problems)
            }
        }
    }

    /// `a string or a number`.
    private var kindText: String {
        self.kinds?.map(\.words).joined(separator: " or ") ?? "any value"
    }
}

extension JSONSchema.Kind {
    fileprivate func includes(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.null, .null), (.boolean, .bool), (.integer, .integer), (.number, .integer), (.number, .number),
            (.string, .string), (.array, .array), (.object, .object):
            true
        // JSON Schema: 2.0 is an integer.
        case (.integer, .number(let number)): number.rounded() == number
        default: false
        }
    }

    fileprivate var words: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue {
    /// For a message: long values are cut.
    fileprivate var quoted: String {
        switch self {
        case .array(let elements): "an array of \(elements.count)"
        case .object: "an object"
        case .string(let text) where text.count > 60: "\"\(text.prefix(60))…\""
        default: self.text
        }
    }
}

extension Double {
    /// `3` rather than `3.0`.
    fileprivate var plain: String { Int(exactly: self).map(String.init) ?? self.description }
}
