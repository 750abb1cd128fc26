import CallEvents
import FoundationEssentials
import JSON
import SwiftProtobuf

/// `extract_quote`: writes down a price that the business named.
enum ExtractQuote: ToolBehavior {
    static let definition = ToolDefinition(
        .extractQuote,
        """
        Write down a price that the business has just said out loud. Call it once for each different price, as \
        soon as you have heard it clearly, and never with a price that you guessed or that you said yourself.
        """,
        properties: [
            "price": [
                "type": ["number", "string"],
                "minimum": 0,
                "description": "The total price as one plain number, such as 45 or 45.50.",
            ],
            "currency": [
                "type": "string",
                "description": "ISO 4217 code of the currency. USD when the business does not say.",
            ],
            "details": [
                "type": "string",
                "description": "What the price is for and what it includes, in the business's words.",
            ],
            "availability": [
                "type": "string",
                "description": "When it can be done or delivered, in the business's words.",
            ],
        ],
        required: ["price"]
    )

    private struct Arguments {
        var price: String
        var currency: String
        var stated: StatedQuote

        init(_ json: String) throws(ToolError) {
            self.stated = try StatedQuote(ToolArguments(json, of: .extractQuote))
            guard let price = self.stated.price else { throw ToolError("price is required. Ask for it.") }
            self.price = price.decimalText
            self.currency = self.stated.currency ?? Currency.default
        }
    }

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try Arguments(call.arguments)
        let quote = Quote.made(by: call, in: context) {
            $0.quoteID = CallID.result(context.callSid, toolCallID: call.toolCallID)
            $0.price = arguments.price
            $0.currency = arguments.currency
            $0.details = arguments.stated.details
            $0.availability = arguments.stated.availability
            $0.quotedAt = Timestamp.rfc3339(us: context.atUs)
        }
        return try Tool.Outcome(
            [
                "status": "recorded", "quoteId": .string(quote.quoteID), "price": .string(quote.price),
                "currency": .string(quote.currency),
            ],
            made: quote
        )
    }

    static func normalised(_ json: String) -> String {
        guard let arguments = try? Arguments(json) else { return json }
        return JSONValue.array([
            .string(arguments.price), .string(arguments.currency),
            .string(arguments.stated.details.lowercased()),
            .string(arguments.stated.availability.lowercased()),
        ]).text
    }
}
