import CallEvents
import JSON
import SwiftProtobuf

/// `place_order`: writes down an order that the business has taken.
enum PlaceOrder: ToolBehavior {
    static let definition = ToolDefinition(
        .placeOrder,
        """
        Write down an order that the business has just taken and confirmed. Only after every item and its quantity was \
        agreed on out loud, and once for the whole order.
        """,
        properties: [
            "items": [
                "type": "array", "minItems": 1, "maxItems": 100,
                "description": "What was ordered.",
                "items": [
                    "type": "object",
                    "properties": [
                        "name": [
                            "type": "string", "minLength": 1, "maxLength": 200, "description": "Such as: large pizza.",
                        ],
                        "quantity": [
                            "type": ["integer", "string"], "minimum": 1, "maximum": .integer(maxQuantity),
                            "description": "How many, a whole number.",
                        ],
                        "customizations": [
                            "type": ["array", "string"], "maxItems": 30, "items": ["type": "string", "maxLength": 200],
                            "description": "What is different about it, such as: no onions.",
                        ],
                    ],
                    "required": ["name", "quantity"],
                    "additionalProperties": false,
                ],
            ],
            "totalPrice": [
                "type": ["number", "string"], "minimum": 0,
                "description": """
                The total as the business said it, such as 18.50, with its currency when that is not US dollars, such \
                as €18.50. Leave it out when it was not said.
                """,
            ],
            "confirmationNumber": [
                "type": ["string", "number"], "maxLength": 100,
                "description": "The order's number, if the business gave one.",
            ],
            "estimatedTime": [
                "type": ["string", "number"], "description": "When it will be ready or there, in the business's words.",
            ],
            "delivery": [
                "type": ["string", "boolean"],
                "description": "Whether it is picked up or delivered, and where to, such as: pickup.",
            ],
        ],
        required: ["items"]
    )

    private static let maxQuantity = 10_000
    /// A larger total was misheard; in any of the larger currencies.
    private static let maxTotal = 100_000_000

    private struct Arguments {
        var items: [OrderItem]
        var total: Price?
        var confirmationNumber: String
        var estimatedTime: String
        var delivery: String

        init(_ json: String) throws(ToolError) {
            let arguments = try ToolArguments(json, of: .placeOrder)
            var problems = ToolProblems()
            self.items = []
            let elements = problems.take { () throws(ToolError) in try arguments.elements("items") } ?? []
            for (index, element) in elements.enumerated() {
                if let item = problems.take({ () throws(ToolError) in try Self.item(element, index) }) {
                    self.items.append(item)
                }
            }
            if elements.isEmpty { problems.add("items must name at least one item. Ask what is ordered.") }
            self.total = problems.take { () throws(ToolError) in try Self.total(arguments) }
            let text = { (name: String) in
                problems.take { () throws(ToolError) in try arguments.text(name) } ?? ""
            }
            self.confirmationNumber = text("confirmationNumber")
            self.estimatedTime = text("estimatedTime")
            if let isDelivered = arguments.bool("delivery") {
                self.delivery = isDelivered ? "delivery" : "pickup"
            } else {
                self.delivery = text("delivery")
            }
            try problems.throwIfAny()
        }

        private static func item(_ element: ToolArguments.Element, _ index: Int) throws(ToolError) -> OrderItem {
            guard case .object(let item) = element else {
                throw ToolError("items[\(index)] must be an object with name and quantity.")
            }
            let name = try item.requiredText("name")
            let stated = try item.requiredText("quantity")
            guard let quantity = Int(digits: stated), (1...PlaceOrder.maxQuantity).contains(quantity) else {
                throw ToolError(
                    "items[\(index)].quantity must be a whole number from 1 to \(PlaceOrder.maxQuantity), not \"\(stated)\"."
                )
            }
            let customizations = try item.texts("customizations")
            return .with {
                $0.name = name
                $0.quantity = UInt32(quantity)
                $0.customizations = customizations
            }
        }

        private static func total(_ arguments: ToolArguments) throws(ToolError) -> Price? {
            guard let stated = try arguments.text("totalPrice") else { return nil }
            guard let price = Price(stated) else {
                throw ToolError(
                    "totalPrice must be one number, not negative, such as 18.50, with its currency when it is not US "
                        + "dollars. Ask for the total, or leave it out when the business does not say it."
                )
            }
            guard let amount = Amount(price.decimalText), amount > .zero, amount <= Amount(whole: PlaceOrder.maxTotal)
            else {
                throw ToolError(
                    "totalPrice \(price.decimalText) cannot be right. Ask for it again, or leave it out when the business "
                        + "does not say it."
                )
            }
            return price
        }
    }

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try Arguments(call.arguments)
        let order = Order.made(by: call, in: context) {
            $0.orderID = CallID.result(context.callSid, toolCallID: call.toolCallID)
            $0.items = arguments.items
            if let total = arguments.total {
                $0.totalPrice = total.decimalText
                $0.currency = total.currency ?? Currency.default
            }
            $0.confirmationNumber = arguments.confirmationNumber
            $0.estimatedTime = arguments.estimatedTime
            $0.delivery = arguments.delivery
            $0.recordedAt = Timestamp.rfc3339(us: context.atUs)
        }
        var output: [String: JSONValue] = [
            "status": "recorded", "orderId": .string(order.orderID),
            "items": .array(order.items.map { .string("\($0.quantity) × \($0.name)") }),
        ]
        if !order.totalPrice.isEmpty {
            output["totalPrice"] = .string(order.totalPrice)
            output["currency"] = .string(order.currency)
        }
        return try Tool.Outcome(.object(output), made: order)
    }

    /// The order and case of items and of what is different about them say nothing.
    static func normalised(_ json: String) -> String {
        guard let arguments = try? Arguments(json) else { return json }
        let items = arguments.items.map { item in
            JSONValue.array([
                .string(item.name.lowercased()), .integer(Int(item.quantity)),
                .array(item.customizations.map { $0.lowercased() }.sorted().map { .string($0) }),
            ]).text
        }
        return JSONValue.array([
            .array(items.sorted().map { .string($0) }),
            .string(arguments.total.map { "\($0.decimalText) \($0.currency ?? Currency.default)" } ?? ""),
            .string(arguments.confirmationNumber.lowercased()), .string(arguments.estimatedTime.lowercased()),
            .string(arguments.delivery.lowercased()),
        ]).text
    }
}
