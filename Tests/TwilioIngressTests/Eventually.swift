/// What should have become true and did not.
struct NotInTime: Error {
    var what: String
}

/// Asks again and again until there is a value.
func eventually<Value>(_ what: String, value: () async throws -> Value?) async throws -> Value {
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
        if let value = try await value() { return value }
        guard ContinuousClock.now < deadline else { throw NotInTime(what: what) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Asks again and again until `condition` holds.
func eventually(_ what: String, condition: () async throws -> Bool) async throws {
    let _: Void = try await eventually(what) { try await condition() ? () : nil }
}
