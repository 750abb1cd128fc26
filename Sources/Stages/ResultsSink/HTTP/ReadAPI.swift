import CallEvents
import Hummingbird
import JSON
import Logging
import ResultsStore
import StageRuntime

/// What can be read of calls. Errors are problem+json.
struct ReadAPI: Sendable {
    let store: ReadStore

    var routes: [Route] {
        [
            Route(method: .get, path: "/api/voice/status") { request, _ in
                var fields = QueryFields(request)
                let callSid = fields.callSid("callSid")
                try fields.throwIfWrong()
                return try await self.call(callSid)
            },
            Route(method: .get, path: "/api/voice/calls/{callSid}") { _, context in
                try await self.call(try context.callSid())
            },
            Route(method: .get, path: "/api/voice/calls") { request, _ in
                try await self.calls(CallQuery(QueryFields(request)))
            },
            Route(method: .get, path: "/api/voice/stats") { request, _ in
                try await self.statistics(StatisticsQuery(QueryFields(request), nowUs: UnixTime.nowUs))
            },
        ]
    }

    private func call(_ callSid: CallSid?) async throws -> Response {
        guard let callSid else { throw Problem(.badRequest, "callSid is missing.") }
        guard let history = try await self.store.read({ try await $0.history(of: callSid.rawValue) }) else {
            throw Problem.unknown(callSid)
        }
        return .json(CallDocument.json(of: history, nowUs: UnixTime.nowUs).text)
    }

    private func calls(_ query: CallQuery) async throws -> Response {
        let page = try await self.store.read { try await $0.calls(query) }
        let nowUs = UnixTime.nowUs
        let document: JSONValue = [
            "calls": .array(page.calls.map { .object(CallDocument.summary(of: $0, nowUs: nowUs)) }),
            "nextCursor": page.next.map { .string($0.text) } ?? .null,
        ]
        return .json(document.text)
    }

    private func statistics(_ query: StatisticsQuery) async throws -> Response {
        let statistics = try await self.store.read { try await $0.statistics(query) }
        return .json(StatisticsDocument.json(of: statistics, for: query).text)
    }
}

extension BasicRequestContext {
    /// The call that the path names.
    func callSid() throws(Problem) -> CallSid {
        guard let callSid = self.parameters.get("callSid").flatMap(CallSid.init) else {
            let error = Problem.FieldError(field: "callSid", detail: "must be CA and 32 hexadecimal digits")
            throw Problem(.badRequest, "The path names no call: callSid \(error.detail).", errors: [error])
        }
        return callSid
    }
}

extension Problem {
    static func unknown(_ callSid: CallSid) -> Problem {
        Problem(.notFound, "No call \(callSid) is known.")
    }
}

/// The store as the API reads it: while it is away, that is what clients are told.
struct ReadStore: Sendable {
    let store: any ResultsStore
    let logger: Logger

    /// - Throws: `Problem` with status 503 when the store fails, and 500 when it holds what it should not.
    func read<Value>(_ body: (any ResultsStore) async throws -> Value) async throws -> Value {
        do {
            return try await body(self.store)
        } catch let error as CancellationError {
            throw error
        } catch let error as ResultsStoreError where error.code == .corrupt {
            throw error
        } catch {
            self.logger.warning("Store cannot be read", metadata: [LogKey.error: "\(error)"])
            throw Problem(.serviceUnavailable, "The store cannot be read at the moment.")
        }
    }
}
