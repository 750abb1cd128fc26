/// Something that should have become true did not.
package struct TimedOut: Error, CustomStringConvertible {
    package var what: String
    package var limit: Duration
    /// What was seen instead, such as the end of a log.
    package var detail: String

    package init(_ what: String, limit: Duration, detail: String = "") {
        self.what = what
        self.limit = limit
        self.detail = detail
    }

    package var description: String {
        "not within \(self.limit): \(self.what)" + (self.detail.isEmpty ? "" : "\n\(self.detail)")
    }
}

/// Asks again and again until there is a value.
/// - Parameter detail: what is seen when the time is over.
/// - Throws: `TimedOut` that names `what`, or what `value` throws.
@discardableResult
package func eventually<Value>(
    _ what: String,
    timeout: Duration = .seconds(30),
    every interval: Duration = .milliseconds(20),
    detail: @autoclosure () -> String = "",
    value: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + timeout
    while true {
        if let value = try await value() { return value }
        guard ContinuousClock.now < deadline else { throw TimedOut(what, limit: timeout, detail: detail()) }
        try await Task.sleep(for: interval)
    }
}

/// Asks again and again until `condition` holds.
/// - Parameter detail: what is seen when the time is over.
package func eventually(
    _ what: String,
    timeout: Duration = .seconds(30),
    every interval: Duration = .milliseconds(20),
    detail: @autoclosure () -> String = "",
    condition: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, timeout: timeout, every: interval, detail: detail()) {
        try await condition() ? () : nil
    }
}
