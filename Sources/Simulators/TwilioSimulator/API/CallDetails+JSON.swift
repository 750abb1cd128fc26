import CallEvents
package import JSON

extension CallDetails {
    /// The call as a resource of the API.
    package var json: JSONValue {
        let path = "/2010-04-01/Accounts/\(self.accountSid)/Calls/\(self.sid)"
        let subresources = [
            "events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions",
            "user_defined_message_subscriptions", "user_defined_messages",
        ]
        let subresourcePaths = subresources.map { name in
            let folder = name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
            return (name, JSONValue.string("\(path)/\(folder).json"))
        }
        return [
            "sid": .string(self.sid.rawValue),
            "account_sid": .string(self.accountSid),
            "parent_call_sid": .null,
            "group_sid": .null,
            "to": .string(self.to),
            "to_formatted": .string(self.to),
            "from": .string(self.from),
            "from_formatted": .string(self.from),
            "phone_number_sid": .null,
            "status": .string(self.status.rawValue),
            "start_time": optional(self.dialed?.rfc2822),
            "end_time": optional(self.ended?.rfc2822),
            "date_created": .string(self.created.rfc2822),
            "date_updated": .string(self.updated.rfc2822),
            "duration": optional(self.durationSeconds.map(String.init)),
            "price": .null,
            "price_unit": "USD",
            "direction": .string(self.direction.rawValue),
            "answered_by": optional(self.answeredBy),
            "api_version": "2010-04-01",
            "annotation": .null,
            "forwarded_from": .null,
            "caller_name": .null,
            "queue_time": .string(String(self.queuedMs)),
            "trunk_sid": .null,
            "uri": .string("\(path).json"),
            "subresource_uris": .object(Dictionary(uniqueKeysWithValues: subresourcePaths)),
        ]
    }
}

private func optional(_ text: String?) -> JSONValue {
    text.map { .string($0) } ?? .null
}
