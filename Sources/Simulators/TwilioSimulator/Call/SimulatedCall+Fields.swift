import CallEvents
import TwilioMedia

extension SimulatedCall {
    /// The fields that every request about this call has.
    func standardFields(status: String? = nil) -> [FormField] {
        let details = self.details
        let isWithheld = details.from == CallRequest.withheld
        var fields = [
            FormField("CallSid", details.sid.rawValue),
            FormField("AccountSid", details.accountSid),
            FormField("ApiVersion", "2010-04-01"),
            FormField("CallStatus", status ?? details.status.rawValue),
            FormField("Direction", details.direction.rawValue),
            FormField("From", details.from),
            FormField("Caller", details.from),
            FormField("To", details.to),
            FormField("Called", details.to),
        ]
        for party in ["From", "Caller", "To", "Called"] {
            for detail in ["City", "State", "Zip"] { fields.append(FormField(party + detail, "")) }
            let isHidden = isWithheld && ["From", "Caller"].contains(party)
            fields.append(FormField(party + "Country", isHidden ? "" : "US"))
        }
        if details.direction == .inbound {
            fields.append(FormField("StirVerstat", isWithheld ? "No-TN-Validation" : "TN-Validation-Passed-A"))
            fields.append(FormField("CallToken", "{\"parentCallInfoToken\":\"\(details.sid)\"}"))
        }
        if let verdict = details.answeredBy { fields.append(FormField("AnsweredBy", verdict)) }
        return fields
    }
}
