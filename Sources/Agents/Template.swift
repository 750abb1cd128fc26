import Mustache

/// A Mustache template over what is known of a call: variables, sections, inverted sections, comments and partials.
///
/// What could change the rules from inside a template, such as other delimiters, is refused. Values are taken as they
/// are: who makes them sees to it that they stay what they are (`OutsideText`).
struct Template: Sendable {
    private let template: MustacheTemplate

    struct Problem: Equatable {
        /// From 1, within the template.
        var line: Int
        var message: String
    }

    /// Mustache's default is to escape for HTML, in each partial anew.
    private static let asText = "{{% CONTENT_TYPE:TEXT}}\n"

    /// - Parameters:
    ///   - partials: the names that `{{> name}}` may have; nil in a partial itself, which may have none.
    ///   - problems: gets what is wrong.
    /// - Returns: nil when something is.
    init?(_ text: String, partials: Set<String>?, problems: inout [Problem]) {
        do {
            self.template = try MustacheTemplate(string: Self.asText + text)
        } catch let error as MustacheTemplate.ParserError {
            let line = max(1, error.context.lineNumber - 1)
            problems.append(Problem(line: line, message: "The template cannot be read: \(Self.reason(error.error))."))
            return nil
        } catch {
            problems.append(Problem(line: 1, message: "The template cannot be read: \(error)."))
            return nil
        }
        var scan = TemplateScan(text, partials: partials)
        scan.run()
        problems += scan.problems
        if !scan.problems.isEmpty { return nil }
    }

    /// The text for one call, its lines' ends and runs of empty lines trimmed; empty when nothing is left.
    func render(_ values: [String: Any], partials: TemplatePartials = TemplatePartials()) -> String {
        let text = self.template.render(values, library: partials.library)
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let trimmed = line.trimmingSuffix(while: \.isWhitespace)
            if trimmed.isEmpty, lines.last?.isEmpty ?? true { continue }
            lines.append(trimmed)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? MustacheTemplate.Error {
        case .sectionCloseNameIncorrect: "a section ends that did not begin, or another one is still open"
        case .expectedSectionEnd: "a section is not ended"
        case .unfinishedName: "a tag is not ended by }} or its name is wrong"
        case .invalidSetDelimiter, .transformAppliedToInheritanceSection, .illegalTokenInsideInheritSection,
            .textInsideInheritSection, .invalidConfigVariableSyntax, .unrecognisedConfigVariable:
            "a kind of tag that is not supported here"
        case nil: "a tag is not ended"
        }
    }

    fileprivate var mustache: MustacheTemplate { self.template }
}

/// Text that several templates share: `{{> name}}`.
struct TemplatePartials: Sendable {
    fileprivate var library = MustacheLibrary()

    mutating func add(_ template: Template, named name: String) {
        self.library.register(template.mustache, named: name)
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var text = self
        while let last = text.last, predicate(last) { text.removeLast() }
        return text
    }
}
