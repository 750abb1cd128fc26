import CallEvents
import JSON
import SwiftProtobuf

/// `validate_quote`: works out what a quote lacks, and whether its price is plausible beside the others of the request.
enum ValidateQuote: ToolBehavior {
    static let definition = ToolDefinition(
        .validateQuote,
        """
        Check a quote: what is missing and should be asked, whether the price agrees with what was recorded, and how far \
        it is from the other quotes of this request. Give the quoteId, or the price that you heard, or both.
        """,
        properties: [
            "quoteId": [
                "type": "string", "maxLength": 200, "description": "The id under which the quote was recorded.",
            ],
            "price": [
                "type": ["number", "string"], "minimum": 0,
                "description": "The price that the business said, as one number, such as 45 or 45.50.",
            ],
            "currency": [
                "type": "string", "description": "ISO 4217 code of the currency. USD when the business does not say.",
            ],
            "details": ["type": "string", "description": "What the price is for and what it includes."],
            "availability": ["type": "string", "description": "When it can be done or delivered."],
        ]
    )

    private struct Arguments {
        var quoteID: String?
        var stated: StatedQuote

        init(_ json: String) throws(ToolError) {
            let arguments = try ToolArguments(json, of: .validateQuote)
            self.quoteID = try arguments.text("quoteId")
            self.stated = try StatedQuote(arguments)
            guard self.quoteID != nil || self.stated.price != nil else {
                throw ToolError("Give quoteId, or price, or both.")
            }
        }
    }

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try Arguments(call.arguments)
        let recorded = try self.recorded(arguments, context)
        var subject =
            recorded
            ?? .with {
                $0.price = arguments.stated.price?.decimalText ?? ""
                $0.currency = arguments.stated.currency ?? Currency.default
                $0.callSid = context.callSid
                $0.businessName = context.businessName
            }
        if subject.details.isEmpty { subject.details = arguments.stated.details }
        if subject.availability.isEmpty { subject.availability = arguments.stated.availability }

        let others = context.quotes.withoutRepeats.filter { other in
            other.quoteID != subject.quoteID && (other.callSid != subject.callSid || !subject.isSamePrice(as: other))
        }
        guard Amount(subject.price) != nil, let found = QuoteAssessment.all([subject] + others, in: context).first
        else {
            throw ToolError("The quote has no price. Ask for it.")
        }
        return Tool.Outcome(output: self.report(found, arguments, isRecorded: recorded != nil).text)
    }

    /// The quote that is meant: by its id, else the newest of this call with the price.
    /// - Returns: nil when the price was not written down.
    private static func recorded(_ arguments: Arguments, _ context: ToolContext) throws(ToolError) -> Quote? {
        if let id = arguments.quoteID {
            if let quote = context.quotes.first(where: { $0.quoteID == id }) { return quote }
            let known = context.quotes.prefix(10).map(\.quoteID).joined(separator: ", ")
            throw ToolError(
                "There is no quote \(id). "
                    + (known.isEmpty ? "None was recorded yet: give the price instead." : "Recorded are: \(known).")
            )
        }
        let stated = arguments.stated
        return context.quotes.last { quote in
            quote.callSid == context.callSid && quote.price == stated.price?.decimalText
                && quote.currency == stated.currency ?? quote.currency
        }
    }

    private static func report(_ found: QuoteAssessment, _ arguments: Arguments, isRecorded: Bool) -> JSONValue {
        let ask = self.questions(found, arguments, isRecorded: isRecorded)
        var output: [String: JSONValue] = [
            "status": "checked", "recorded": .bool(isRecorded), "price": .string(found.quote.price),
            "currency": .string(found.quote.currency), "complete": .bool(found.isComplete),
            "missing": .array(found.missing.map { .string($0) }), "availability": .string(found.availability.words),
            "ask": .array(ask.map { .string($0) }),
            "next": ask.isEmpty
                ? "Nothing is open: this quote can be relied on." : "Ask the business what is listed, one at a time.",
        ]
        if isRecorded { output["quoteId"] = .string(found.quote.quoteID) }
        if let heard = self.heard(arguments, found) { output["priceConsistent"] = .bool(heard.isSame) }
        output["comparison"] = found.deviation?.json ?? "There are no other quotes in this currency to compare with."
        return .object(output)
    }

    /// The price in the arguments, beside that of the quote; nil when there are no two prices.
    private static func heard(_ arguments: Arguments, _ found: QuoteAssessment) -> (text: String, isSame: Bool)? {
        guard arguments.quoteID != nil, let price = arguments.stated.price else { return nil }
        let currency = arguments.stated.currency ?? found.quote.currency
        let isSame = Amount(price.decimalText) == found.amount && currency == found.quote.currency
        return ("\(price.decimalText) \(currency)", isSame)
    }

    private static func questions(_ found: QuoteAssessment, _ arguments: Arguments, isRecorded: Bool) -> [String] {
        var questions: [String] = []
        if let heard = self.heard(arguments, found), !heard.isSame {
            questions.append(
                "Recorded is \(found.priceText), you heard \(heard.text): ask which is right, and have the right one "
                    + "recorded."
            )
        }
        if !isRecorded { questions.append("This price is not recorded: repeat it to be sure, and have it recorded.") }
        let words = found.quote.details.lowercased()
        if let hedge = self.hedges.first(where: { words.contains($0) }) {
            questions.append("The details say \"\(hedge)\": ask for the most likely total.")
        }
        if found.quote.details.isEmpty {
            questions.append("Ask what the price includes, and whether taxes and fees are in it.")
        } else if Self.charges.isDisjoint(with: words.split { !$0.isLetter }.map(String.init)) {
            questions.append("Ask whether taxes and fees are in the price.")
        }
        if found.quote.availability.isEmpty {
            questions.append("Ask when the earliest time is.")
        } else if found.availability == .unknown {
            questions.append("\"\(found.quote.availability)\" names no day: ask for the earliest one.")
        }
        if let deviation = found.deviation, deviation.isFar {
            questions.append(
                "\(found.priceText) is far from the others, \(deviation.words): ask whether it is the total, and what it "
                    + "includes."
            )
        }
        return questions
    }

    /// Words of a price that is not final.
    private static let hedges = [
        "starting at", "starts at", "starting from", "approximately", "roughly", "estimate", "depends", "depending",
        "plus tax",
        "plus parts", "plus fees", "per hour", "hourly", "ballpark",
    ]
    /// Words of what may come on top.
    private static let charges: Set<String> = ["tax", "taxes", "vat", "fee", "fees", "inclusive"]
}
