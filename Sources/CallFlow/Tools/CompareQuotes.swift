import CallEvents
import JSON
import SwiftProtobuf

/// `compare_quotes`: ranks the quotes of this request, those of other calls among them, and says why.
enum CompareQuotes: ToolBehavior {
    static let definition = ToolDefinition(
        .compareQuotes,
        """
        Compare the quotes of this request: those of this call, those of other calls for the same customer's request, and \
        those that came with it. All of them take part by themselves; give quotes only where you know one that was not \
        recorded.
        """,
        properties: [
            "quotes": [
                "type": "array", "maxItems": 50,
                "description": "Ids of quotes, or quotes that were not recorded.",
                "items": [
                    "type": ["object", "string"],
                    "properties": [
                        "quoteId": ["type": "string", "maxLength": 200],
                        "businessName": ["type": "string", "maxLength": 200],
                        "price": [
                            "type": ["number", "string"], "minimum": 0, "description": "One number, such as 45.50.",
                        ],
                        "currency": ["type": "string", "description": "ISO 4217, USD when left out."],
                        "details": ["type": "string"],
                        "availability": ["type": "string"],
                    ],
                ],
            ],
            "requestId": ["type": "string", "maxLength": 200, "description": "This request; may be left out."],
            "criteria": [
                "type": "string", "maxLength": 500,
                "description": """
                What the customer cares for, the most important first: price, availability, completeness. Price when \
                left out.
                """,
            ],
        ]
    )

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try ToolArguments(call.arguments, of: .compareQuotes)
        let words = try arguments.text("criteria", limit: 500) ?? ""
        if let requestID = try arguments.text("requestId"), requestID != context.requestID {
            throw ToolError(
                "requestId \(requestID.prefix(60)) is not this call's: only quotes of this request can be compared. Leave it "
                    + "out."
            )
        }
        let quotes = try self.quotes(arguments, call, context)
        let criteria = QuoteCriteria(words)
        let ranking = QuoteRanking(quotes, by: criteria, in: context)
        guard !ranking.ranked.isEmpty else {
            throw ToolError(
                "There is no quote of this request to compare yet. Ask for a price, and have it recorded first."
            )
        }
        let comparison = Comparison.with {
            $0.comparisonID = CallID.result(context.callSid, toolCallID: call.toolCallID)
            $0.callSid = context.callSid
            $0.requestID = context.requestID
            $0.criteria = words
            $0.ranking = ranking.ranked.enumerated().map { index, found in
                self.entry(found, rank: index + 1, reasons: ranking.reasons(for: found))
            }
            $0.bestQuoteID = ranking.best?.quote.quoteID ?? ""
            $0.summary = ranking.summary
            $0.agent = call.agent
            $0.comparedAt = Timestamp.rfc3339(us: context.atUs)
        }
        return try Tool.Outcome(self.output(comparison, criteria, ownCall: context.callSid), made: comparison)
    }

    /// Those of the request, and those in the arguments that are not among them.
    private static func quotes(
        _ arguments: ToolArguments,
        _ call: ToolCall,
        _ context: ToolContext
    ) throws(ToolError) -> [Quote] {
        var quotes = context.quotes
        var problems = ToolProblems()
        for (index, element) in try arguments.elements("quotes").enumerated() {
            let known = { (id: String) in context.quotes.contains { $0.quoteID == id } }
            switch element {
            case .text(let id):
                if !known(id) { problems.add("quotes[\(index)]: there is no quote \(id.prefix(100)) in this request.") }
            case .object(let object):
                if let id = problems.take({ () throws(ToolError) in try object.text("quoteId") }), known(id) {
                    continue
                }
                let id = "\(CallID.result(context.callSid, toolCallID: call.toolCallID)).\(index + 1)"
                if let quote = Quote(given: object, id: id, requestID: context.requestID) {
                    // A price without a name is one that the model has heard in this call or read in an output.
                    let isHeard = quote.businessName.isEmpty && quotes.contains { quote.isSamePrice(as: $0) }
                    if !isHeard { quotes.add(given: [quote]) }
                } else {
                    problems.add(
                        "quotes[\(index)] needs the quoteId of a recorded quote, or a price that is one number, not "
                            + "negative, with an ISO 4217 currency."
                    )
                }
            }
        }
        try problems.throwIfAny()
        return quotes.withoutRepeats
    }

    private static func entry(_ found: QuoteAssessment, rank: Int, reasons: [String]) -> RankedQuote {
        .with {
            $0.rank = UInt32(clamping: rank)
            $0.quoteID = found.quote.quoteID
            $0.callSid = found.quote.callSid
            $0.businessName = found.quote.businessName
            $0.price = found.quote.price
            $0.currency = found.quote.currency
            $0.details = found.quote.details
            $0.availability = found.quote.availability
            $0.complete = found.isComplete
            $0.outlier = found.isOutlier
            $0.reasons = reasons
        }
    }

    /// The model hears of the first ones.
    private static let maxTold = 10

    /// What was said in other calls beside price and time is not told: it may be about somebody.
    private static func output(_ comparison: Comparison, _ criteria: QuoteCriteria, ownCall: String) -> JSONValue {
        let told = comparison.ranking.prefix(self.maxTold).map { entry -> JSONValue in
            var members: [String: JSONValue] = [
                "rank": .integer(Int(entry.rank)), "quoteId": .string(entry.quoteID),
                "price": .string(entry.price), "currency": .string(entry.currency),
                "reasons": .array(entry.reasons.map { .string($0) }),
            ]
            if !entry.businessName.isEmpty { members["businessName"] = .string(entry.businessName) }
            if !entry.availability.isEmpty { members["availability"] = .string(entry.availability) }
            if entry.callSid == ownCall, !entry.details.isEmpty { members["details"] = .string(entry.details) }
            return .object(members)
        }
        var output: [String: JSONValue] = [
            "status": "compared", "quotes": .integer(comparison.ranking.count), "summary": .string(comparison.summary),
            "rankedBy": .array(criteria.order.map { .string($0.rawValue) }), "ranking": .array(told),
        ]
        if !comparison.bestQuoteID.isEmpty { output["bestQuoteId"] = .string(comparison.bestQuoteID) }
        if !comparison.criteria.isEmpty, criteria.named == 0 {
            output["note"] = "The criteria name neither price, availability nor completeness: ranked by price."
        }
        return .object(output)
    }
}
