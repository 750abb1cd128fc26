import CallEvents
import JSON
import SwiftProtobuf

/// `record_special_offer`: writes down a special offer that the business made.
enum RecordSpecialOffer: ToolBehavior {
    static let definition = ToolDefinition(
        .recordSpecialOffer,
        """
        Write down a special offer, discount or promotion that the business has just mentioned of its own accord or when \
        asked. A plain price belongs to extract_quote.
        """,
        properties: [
            "description": [
                "type": "string", "minLength": 1, "description": "What is offered, in the business's words.",
            ],
            "discount": [
                "type": ["string", "number"], "maxLength": 200,
                "description": "How much less, such as: 20 %, or $10 off.",
            ],
            "validUntil": [
                "type": "string", "maxLength": 200,
                "description": "Until when, as YYYY-MM-DD where the day is known, else in the business's words.",
            ],
            "conditions": ["type": "string", "description": "For whom and for what it holds."],
        ],
        required: ["description"]
    )

    private struct Arguments {
        var description: String
        var discount: String
        var validUntil: String
        var conditions: String

        init(_ json: String) throws(ToolError) {
            let arguments = try ToolArguments(json, of: .recordSpecialOffer)
            self.description = try arguments.requiredText("description")
            self.discount = try arguments.text("discount") ?? ""
            self.validUntil = try arguments.text("validUntil") ?? ""
            self.conditions = try arguments.text("conditions") ?? ""
            guard !self.discount.hasPrefix("-") || !self.discount.dropFirst().allSatisfy(\.isNumber) else {
                throw ToolError("discount must say how much less it is, such as 20 % or $10 off, not \(self.discount).")
            }
        }
    }

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try Arguments(call.arguments)
        let validUntil = LocalDate(iso: arguments.validUntil)
        if let validUntil, validUntil < context.earliestToday {
            throw ToolError(
                "validUntil \(validUntil.longText) is in the past: today is \(context.now.date.longText). Ask again."
            )
        }
        let offer = Offer.made(by: call, in: context) {
            $0.offerID = CallID.result(context.callSid, toolCallID: call.toolCallID)
            $0.description_p = arguments.description
            $0.discount = arguments.discount
            $0.validUntil = arguments.validUntil
            $0.validUntilDate = validUntil?.text ?? ""
            $0.conditions = arguments.conditions
            $0.recordedAt = Timestamp.rfc3339(us: context.atUs)
        }
        return try Tool.Outcome(["status": "recorded", "offerId": .string(offer.offerID)], made: offer)
    }

    static func normalised(_ json: String) -> String {
        guard let arguments = try? Arguments(json) else { return json }
        let texts = [arguments.description, arguments.discount, arguments.validUntil, arguments.conditions]
        return JSONValue.array(texts.map { .string($0.lowercased()) }).text
    }
}
