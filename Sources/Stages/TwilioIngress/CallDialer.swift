import CallEvents
import Hummingbird
import Logging
import ServiceLifecycle
import StageRuntime

/// Makes calls: in turn, claimed so that nobody makes them twice, within the limits, and announced.
struct CallDialer: Sendable {
    /// A call that is to be made.
    struct Dial: Sendable {
        var claimKey: String
        /// Of the request that asks for it.
        var bodySHA256: String
        var number: PhoneNumber
        var request: CallRequested
    }

    /// The call that was made, now or before; or why there is none, or none that is known.
    typealias Outcome = Result<CallSid, Problem>

    /// Of one request: from queueing up until Twilio is asked for the last time.
    static let patience = Duration.seconds(30)

    let claims: Claims
    let opener: CallOpener
    let calls: TwilioCalls
    let queue: DialQueue
    /// Of all instances.
    let maxCalls: Int
    let health: Health
    let logger: Logger

    /// Why no call can be made now; nil when one can.
    var obstacle: Problem? {
        if self.health.isShuttingDown { return .shuttingDown }
        return self.claims.callsInProgress < self.maxCalls ? nil : .tooManyCalls(self.maxCalls)
    }

    /// What has become of a call that was claimed before; nil when it was not.
    func known(_ claimKey: String, bodySHA256: String) -> Outcome? {
        self.claims.verdict(claimKey, bodySHA256: bodySHA256).flatMap(Self.outcome)
    }

    /// Makes the call when it is the ticket's turn.
    func dial(_ dial: Dial, ticket: DialQueue.Ticket, deadline: ContinuousClock.Instant) async -> Outcome {
        do {
            try await cancelWhenGracefulShutdown { try await self.queue.turn(ticket) }
        } catch {
            return .failure(.shuttingDown)
        }
        // Much may have happened meanwhile.
        if let obstacle = self.obstacle { return .failure(obstacle) }
        let verdict: Claims.Verdict
        do {
            verdict = try await self.claims.claim(dial.claimKey, bodySHA256: dial.bodySHA256, request: dial.request)
        } catch {
            self.logger.error("A call could not be claimed", metadata: [LogKey.error: "\(error)"])
            return .failure(Problem(.serviceUnavailable, "The request could not be recorded, so no call was made."))
        }
        guard case .won(let claimID) = verdict else { return Self.outcome(verdict) ?? .failure(.shuttingDown) }
        // Its own claim counts: of those that came in at the same moment, too many go back.
        guard self.claims.callsInProgress <= self.maxCalls else {
            await self.release(dial, claimID)
            return .failure(.tooManyCalls(self.maxCalls))
        }
        return await self.create(dial, claimID: claimID, deadline: deadline)
    }

    private func create(_ dial: Dial, claimID: String, deadline: ContinuousClock.Instant) async -> Outcome {
        let callSid: CallSid
        do {
            callSid = try await self.calls.create(to: dial.number, claimKey: dial.claimKey, deadline: deadline)
        } catch let throttled as TwilioCalls.Throttled {
            self.logger.warning("A call was not created: Twilio gets too many requests")
            await self.release(dial, claimID)
            return .failure(Problem(throttled))
        } catch let failure as TwilioCalls.Failure {
            self.logger.warning("A call was not created", metadata: ["failure": "\(failure.name)"])
            if failure.hasDoneNothing { await self.release(dial, claimID) }
            return .failure(Problem(failure))
        } catch {
            // Cancelled while Twilio was asked: what is claimed stays claimed.
            return .failure(Problem(TwilioCalls.Failure.timedOut))
        }
        return await self.open(dial, callSid)
    }

    /// The event is what the other stages begin with: a call without it has no agent, so it is ended again.
    private func open(_ dial: Dial, _ callSid: CallSid) async -> Outcome {
        do {
            try await self.opener.opened(claimKey: dial.claimKey, callSid: callSid)
            self.logger.info("Call requested", metadata: [LogKey.callSid: "\(callSid)"])
            return .success(callSid)
        } catch {
            self.logger.error(
                "A call is ended because its request could not be written",
                metadata: [LogKey.callSid: "\(callSid)", LogKey.error: "\(error)"]
            )
            // The client is told the same whether or not Twilio could be.
            try? await self.calls.hangUp(callSid)
            return .failure(
                Problem(
                    .serviceUnavailable,
                    "The call was created and ended again because the request could not be recorded.",
                    members: ["callSid": callSid.rawValue]
                )
            )
        }
    }

    private func release(_ dial: Dial, _ claimID: String) async {
        do {
            try await self.claims.release(dial.claimKey, claimID: claimID)
        } catch {
            // Nobody can dial it again under this key, which is the safe side.
            self.logger.error("A claim was not released", metadata: [LogKey.error: "\(error)"])
        }
    }

    private static func outcome(_ verdict: Claims.Verdict) -> Outcome? {
        switch verdict {
        case .won: nil
        case .done(let callSid?): .success(callSid)
        case .held, .done(nil): .failure(.held)
        case .otherBody: .failure(.otherBody)
        }
    }
}
