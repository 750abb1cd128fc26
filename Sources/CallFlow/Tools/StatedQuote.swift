/// A price as a tool's arguments state it, with what belongs to it.
struct StatedQuote {
    /// Nil when none is stated.
    var price: Price?
    /// ISO 4217; nil when none is stated.
    var currency: String?
    var details: String
    var availability: String

    /// - Throws: what cannot be read.
    init(_ arguments: ToolArguments) throws(ToolError) {
        let stated = try arguments.text("price")
        self.price = stated.flatMap { Price($0) }
        guard stated == nil || self.price != nil else {
            throw ToolError(
                "price must be one number, not negative, such as 45 or 45.50. Ask for the price if it is not clear, then "
                    + "call the tool again."
            )
        }
        if let currency = try arguments.text("currency") ?? self.price?.currency {
            guard let code = Currency.code(currency) else {
                throw ToolError("currency must be an ISO 4217 code such as USD.")
            }
            self.currency = code
        }
        self.details = try arguments.text("details") ?? ""
        self.availability = try arguments.text("availability") ?? ""
    }
}
