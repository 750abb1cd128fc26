import CallEvents
import Crypto
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import StageRuntime

/// What API clients call to have calls made: `POST /api/voice/initiate-call`.
struct VoiceAPI: Sendable {
    private static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    private static let maxKeyBytes = 255

    let tokens: APITokens
    let audioPath: AudioPath
    let destinations: DestinationPolicy
    let limiter: RateLimiter
    let callsPerMinute: Int
    let dialer: CallDialer

    func addRoutes(to router: Router<BasicRequestContext>) {
        router.post("/api/voice/initiate-call") { request, context in
            try await self.initiateCall(request, context)
        }
    }

    private func initiateCall(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let deadline = ContinuousClock.now + CallDialer.patience
        let token = try self.tokens.admit(request)
        let keys = ClaimKeys(idempotencyKey: try Self.idempotencyKey(request.headers), token: token)
        let body = try await request.limitedBody(upTo: InitiateCallRequest.maxBodyBytes)
        let asked = try InitiateCallRequest(body: body, destinations: self.destinations)
        let requestID = asked.requestID ?? keys.requestID
        let dials = asked.businesses.enumerated().map { index, business in
            CallDialer.Dial(
                claimKey: keys.key(index),
                bodySHA256: asked.bodySHA256,
                number: business.phoneNumber,
                request: self.requested(asked, business, requestID: requestID)
            )
        }
        var outcomes = try await self.known(dials, keys, bodySHA256: asked.bodySHA256)
        let open = dials.indices.filter { outcomes[$0] == nil }
        var mustClose = false
        if !open.isEmpty {
            let (made, hasWatched) = try await self.make(open.map { dials[$0] }, for: token, request, deadline)
            for (index, outcome) in zip(open, made) { outcomes[index] = outcome }
            mustClose = hasWatched
        }
        let answer = InitiateCallAnswer(asked, requestID: requestID, outcomes: outcomes.compactMap { $0 })
        var response: Response
        do {
            response = try answer.response()
        } catch let problem as Problem {
            response = try problem.response(from: request, context: context)
        }
        if mustClose { response.headers[.connection] = "close" }
        return response
    }

    /// What is known of calls that were claimed before.
    /// - Throws: `Problem` when the key was used for another request.
    private func known(
        _ dials: [CallDialer.Dial],
        _ keys: ClaimKeys,
        bodySHA256: String
    ) async throws -> [CallDialer.Outcome?] {
        guard keys.canRepeat else { return dials.map { _ in nil } }
        // That request may have had more calls.
        var outcomes: [CallDialer.Outcome?] = []
        for index in 0..<InitiateCallRequest.maxBusinesses {
            outcomes.append(await self.dialer.known(keys.key(index), bodySHA256: bodySHA256))
        }
        guard !outcomes.contains(.failure(.otherBody)) else { throw Problem.otherBody }
        return Array(outcomes.prefix(dials.count))
    }

    /// - Returns: the outcome of each; and whether the connection cannot be used again.
    private func make(
        _ dials: [CallDialer.Dial],
        for token: String,
        _ request: Request,
        _ deadline: ContinuousClock.Instant
    ) async throws -> ([CallDialer.Outcome], hasWatched: Bool) {
        if let obstacle = self.dialer.obstacle { return (dials.map { _ in .failure(obstacle) }, false) }
        if let wait = self.limiter.take(dials.count, for: SHA256.hash(data: Array(token.utf8)).hex) {
            let problem = Problem.tooFast(perMinute: self.callsPerMinute, retryAfter: wait)
            return (dials.map { _ in .failure(problem) }, false)
        }
        let queue = self.dialer.queue
        let entries = dials.map { _ in queue.enter() }
        let tickets = entries.compactMap { try? $0.get() }
        guard queue.mustWait(for: tickets) else { return (await self.dial(dials, entries, deadline), false) }
        // Who goes away leaves the queue. A call that Twilio is asked for already is made all the same.
        var watched = request
        // The body was read: what is watched is the connection behind it.
        watched.body = RequestBody(buffer: ByteBuffer())
        let outcomes = try await watched.body.consumeWithInboundCloseHandler { body in
            // A body whose end nobody reads traps when the watching ends.
            for try await _ in body {}
            return await self.dial(dials, entries, deadline)
        } onInboundClosed: {
            queue.leave(tickets)
        }
        return (outcomes, true)
    }

    private func dial(
        _ dials: [CallDialer.Dial],
        _ entries: [Result<DialQueue.Ticket, DialQueue.Full>],
        _ deadline: ContinuousClock.Instant
    ) async -> [CallDialer.Outcome] {
        await withTaskGroup(of: (Int, CallDialer.Outcome).self) { group in
            for (index, entry) in entries.enumerated() {
                group.addTask {
                    switch entry {
                    case .success(let ticket):
                        (index, await self.dialer.dial(dials[index], ticket: ticket, deadline: deadline))
                    case .failure(let full):
                        (index, .failure(Problem(full)))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func requested(
        _ asked: InitiateCallRequest,
        _ business: InitiateCallRequest.Business,
        requestID: String
    ) -> CallRequested {
        var requested = CallRequested()
        requested.requestID = requestID
        requested.phoneNumber = business.phoneNumber.e164
        requested.businessName = business.businessName
        requested.userRequest = business.userRequest
        requested.category = business.category
        requested.userID = asked.userID
        requested.userData = business.userData
        requested.audioPath = self.audioPath
        requested.direction = "outbound-api"
        requested.quotes = asked.quotes
        return requested
    }

    private static func idempotencyKey(_ headers: HTTPFields) throws -> String? {
        let values = headers[values: self.idempotencyKey]
        guard let key = values.first else { return nil }
        guard values.count == 1, (1...self.maxKeyBytes).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            throw Problem(
                .badRequest,
                "Idempotency-Key must be one value of 1 to \(self.maxKeyBytes) printable ASCII characters."
            )
        }
        return key
    }
}
