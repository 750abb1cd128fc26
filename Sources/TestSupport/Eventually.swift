/// A condition that did not come true in time.
package struct NotInTime: Error, CustomStringConvertible {
    package var description: String
}

/// Asks again and again until there is an answer.
/// - Parameter probe: nil for not yet; a thrown error counts as not yet, and is told when time is up.
@discardableResult
package func eventually<Answer>(
    _ what: String,
    within limit: Duration = .seconds(30),
    _ probe: () async throws -> Answer?
) async throws -> Answer {
    let deadline = ContinuousClock.now + limit
    var last = "nothing yet"
    while true {
        do {
            if let answer = try await probe() { return answer }
        } catch let error where !(error is CancellationError) {
            last = "\(error)"
        }
        guard ContinuousClock.now < deadline else { throw NotInTime(description: "\(what): \(last)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
