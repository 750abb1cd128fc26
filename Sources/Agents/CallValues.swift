import CallEvents
import CallFlow
import JSON

/// What templates can name, for one call at one moment: the values of `TemplateVariable.ofCall`.
struct CallValues {
    /// Every name has a value; what is not known is `OutsideText.Absent`.
    let values: [String: Any]

    /// More would only make the instructions long.
    private static let listed = 20

    /// - Parameters:
    ///   - handoff: the one that is being made, else the last one.
    ///   - otherQuotes: of other calls of the same request.
    ///   - atUs: now, Unix microseconds.
    init(_ state: CallState, handoff: Handoff?, otherQuotes: [Quote], atUs: Int64, timeZone: TimeZoneRules?) {
        var values = Self.request(state.request)
        values.merge(Self.moment(atUs, timeZone)) { $1 }
        values["results"] =
            !(state.quotes.isEmpty && state.appointments.isEmpty && state.orders.isEmpty && state.offers.isEmpty)
        values["quotes"] = state.quotes.suffix(Self.listed).map(Self.quote)
        values["other_prices"] = !otherQuotes.isEmpty || (values["given_quotes"] as? [Any])?.isEmpty == false
        values["other_quotes"] = otherQuotes.suffix(Self.listed).map(Self.quote)
        values["appointments"] = state.appointments.suffix(Self.listed).map(Self.appointment)
        values["orders"] = state.orders.suffix(Self.listed).map(Self.order)
        values["offers"] = state.offers.suffix(Self.listed).map(Self.offer)
        values["handoff"] = (handoff ?? state.handoffs.last).map(Self.handoff) ?? OutsideText.Absent()
        self.values = values
    }

    private static func request(_ request: CallRequested) -> [String: Any] {
        let quotes = (try? JSONValue(parsing: request.quotes))?.arrayValue ?? []
        return [
            "business": OutsideText.quoted(request.businessName),
            "request": OutsideText.quoted(request.userRequest),
            "request_id": OutsideText.quoted(request.requestID),
            "category": OutsideText.quoted(request.category == "general" ? "" : request.category),
            "user_id": OutsideText.quoted(request.userID),
            "user_data": OutsideText.json(request.userData, limit: 2000),
            "inbound": request.isInbound,
            "given_quotes": quotes.prefix(Self.listed).map { ["quote": OutsideText.json($0.text, limit: 500)] },
        ]
    }

    private static func moment(_ atUs: Int64, _ timeZone: TimeZoneRules?) -> [String: Any] {
        let (date, time) = (timeZone ?? .utc).local(us: atUs)
        return [
            "date": date.text, "weekday": LocalDate.weekdays[date.weekday], "time": time.text,
            "time_zone": timeZone?.name ?? OutsideText.Absent(),
        ]
    }

    private static func quote(_ quote: Quote) -> [String: Any] {
        [
            "quote_id": OutsideText.checked(quote.quoteID),
            "business": OutsideText.quoted(quote.businessName, limit: 200),
            "price": OutsideText.checked("\(quote.price) \(quote.currency)"),
            "details": OutsideText.quoted(quote.details, limit: 300),
            "availability": OutsideText.quoted(quote.availability, limit: 300),
        ]
    }

    private static func appointment(_ appointment: Appointment) -> [String: Any] {
        [
            "date": OutsideText.checked(appointment.date),
            "time": OutsideText.checked(appointment.time),
            "confirmation_number": OutsideText.quoted(appointment.confirmationNumber, limit: 100),
            "notes": OutsideText.quoted(appointment.notes, limit: 300),
        ]
    }

    private static func order(_ order: Order) -> [String: Any] {
        let items = order.items.map { item in
            let changes = item.customizations.isEmpty ? "" : " (\(item.customizations.joined(separator: ", ")))"
            return "\(item.quantity) x \(item.name)\(changes)"
        }
        return [
            "items": OutsideText.quoted(items.joined(separator: "; "), limit: 600),
            "total_price": OutsideText.checked(order.totalPrice.isEmpty ? "" : "\(order.totalPrice) \(order.currency)"),
            "confirmation_number": OutsideText.quoted(order.confirmationNumber, limit: 100),
            "estimated_time": OutsideText.quoted(order.estimatedTime, limit: 200),
            "delivery": OutsideText.quoted(order.delivery, limit: 300),
        ]
    }

    private static func offer(_ offer: Offer) -> [String: Any] {
        [
            "description": OutsideText.quoted(offer.description_p, limit: 300),
            "discount": OutsideText.quoted(offer.discount, limit: 100),
            "valid_until": OutsideText.quoted(offer.validUntil, limit: 100),
            "conditions": OutsideText.quoted(offer.conditions, limit: 300),
        ]
    }

    private static func handoff(_ handoff: Handoff) -> [String: Any] {
        [
            "from": OutsideText.checked(handoff.fromAgent),
            "reason": OutsideText.quoted(handoff.reason, limit: 500),
            "context": OutsideText.quoted(handoff.context, limit: 2000),
        ]
    }
}
