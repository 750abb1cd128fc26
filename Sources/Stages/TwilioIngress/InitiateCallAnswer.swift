import CallEvents
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import StageRuntime

/// The answer to `initiate-call`: 201 when at least one call was made, now or before.
struct InitiateCallAnswer {
    private let asked: InitiateCallRequest
    private let requestID: String
    private let outcomes: [CallDialer.Outcome]

    /// - Parameter outcomes: of each of the businesses.
    init(_ asked: InitiateCallRequest, requestID: String, outcomes: [CallDialer.Outcome]) {
        self.asked = asked
        self.requestID = requestID
        self.outcomes = outcomes
    }

    /// - Throws: `Problem` when no call was made.
    func response() throws -> Response {
        Response(
            status: .created,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: try self.json().text))
        )
    }

    private func json() throws -> JSONValue {
        var answer: [String: JSONValue] = ["requestId": .string(self.requestID), "status": "queued"]
        if self.asked.isSeveral {
            guard self.outcomes.contains(where: { (try? $0.get()) != nil }) else { throw self.problemOfAll }
            answer["calls"] = .array(
                zip(self.asked.businesses, self.outcomes).map { business, outcome in
                    Self.call(business.businessName, outcome)
                }
            )
        } else {
            for outcome in self.outcomes { answer["callSid"] = .string(try self.callSid(outcome).rawValue) }
        }
        return .object(answer)
    }

    private func callSid(_ outcome: CallDialer.Outcome) throws -> CallSid {
        try outcome.mapError { problem in
            var problem = problem
            problem.members["requestId"] = self.requestID
            return problem
        }
        .get()
    }

    private static func call(_ name: String, _ outcome: CallDialer.Outcome) -> JSONValue {
        switch outcome {
        case .success(let callSid):
            ["callSid": .string(callSid.rawValue), "businessName": .string(name), "status": "queued"]
        case .failure(let problem):
            ["businessName": .string(name), "problem": (try? JSONValue(parsing: problem.json)) ?? .null]
        }
    }

    /// No call was made for certain; the first problem's status stands for all.
    private var problemOfAll: Problem {
        let problems = self.outcomes.compactMap { outcome -> Problem? in
            if case .failure(let problem) = outcome { problem } else { nil }
        }
        var whole = problems.first ?? .shuttingDown
        whole.members["requestId"] = self.requestID
        whole.errors = problems.enumerated().map { index, problem in
            .init(field: "businesses[\(index)]", detail: problem.detail)
        }
        if Set(problems.map(\.detail)).count > 1 {
            whole.detail = "None of the \(problems.count) calls is known to have been made; see errors."
        }
        whole.retryAfter = problems.compactMap(\.retryAfter).max()
        return whole
    }
}
