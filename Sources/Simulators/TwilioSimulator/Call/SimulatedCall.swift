import CallEvents
import Synchronization
import TwilioMedia

/// A call as the API and its own task share it.
final class SimulatedCall: Sendable {
    enum Control: Sendable {
        case redirect(DocumentSource)
        case hangUp(Reason)
    }

    enum Reason: Sendable {
        case requested
        /// Only before the answer.
        case canceled
        case businessHungUp
        case timeLimit
    }

    private struct State {
        var details: CallDetails
        var request: CallRequest
        var answered: ContinuousClock.Instant?
        var stream: MediaStream?
        var updateFaults: [Faults.APIFault]
        var lookUpFaults: [Faults.APIFault]
    }

    let sid: CallSid
    let script: CallScript
    let business: Business
    let log: CallLog
    let control = Mailbox<Control>()
    /// Run beside the call, and are cancelled at its end.
    let sideTasks = Mailbox<@Sendable () async -> Void>()
    private let state: Mutex<State>

    init(
        details: CallDetails,
        request: CallRequest,
        script: CallScript,
        business: Business,
        log: CallLog
    ) {
        self.sid = details.sid
        self.script = script
        self.business = business
        self.log = log
        self.state = Mutex(
            State(
                details: details,
                request: request,
                updateFaults: script.faults.update,
                lookUpFaults: script.faults.lookUp
            )
        )
    }

    var details: CallDetails { self.state.withLock { $0.details } }

    var request: CallRequest { self.state.withLock { $0.request } }

    /// The Media Stream that is open.
    var stream: MediaStream? {
        get { self.state.withLock { $0.stream } }
        set { self.state.withLock { $0.stream = newValue } }
    }

    /// Takes the fault of the next look-up.
    func takeLookUpFault() -> Faults.APIFault? {
        self.state.withLock { $0.lookUpFaults.isEmpty ? nil : $0.lookUpFaults.removeFirst() }
    }

    /// Takes the fault of the next update.
    func takeUpdateFault() -> Faults.APIFault? {
        self.state.withLock { $0.updateFaults.isEmpty ? nil : $0.updateFaults.removeFirst() }
    }

    func set(_ status: CallDetails.Status) {
        self.state.withLock { state in
            let now = TwilioTime.now
            state.details.status = status
            state.details.updated = now
            if status == .inProgress {
                state.details.answered = now
                state.answered = .now
            }
            if status.isFinal { state.details.ended = now }
        }
        self.log.add(.status(status.rawValue))
    }

    func set(answeredBy verdict: String) {
        self.state.withLock { $0.details.answeredBy = verdict }
    }

    /// Its turn has come.
    func dialed() {
        self.state.withLock { $0.details.dialed = .now }
    }

    /// Has the call end when it has lasted for its limit: after the answer, and when the limit is another.
    func watchTimeLimit() {
        let (answered, limit) = self.state.withLock { ($0.answered, $0.request.timeLimitSeconds) }
        guard let answered else { return }
        self.sideTasks.send {
            do { try await Task.sleep(until: answered + .seconds(limit), clock: .continuous) } catch { return }
            guard self.request.timeLimitSeconds == limit else { return }
            self.log.add(.problem(code: 32015, "maximum duration reached"))
            self.control.send(.hangUp(.timeLimit))
        }
    }

    /// What the update asks for is begun; the call's task carries it out.
    func update(_ update: CallUpdate) throws(APIError) {
        let status = self.details.status
        guard !status.isFinal else {
            throw APIError(code: 21220, "Call is not in-progress. Cannot redirect.")
        }
        switch update.action {
        case .complete:
            self.take(update)
            self.control.send(.hangUp(status == .inProgress ? .requested : .canceled))
        case .cancel:
            guard status != .inProgress else {
                throw APIError(code: 21220, "Call is in-progress. Cannot cancel.")
            }
            self.take(update)
            self.control.send(.hangUp(.canceled))
        case .redirect(let source):
            guard status == .inProgress else {
                throw APIError(code: 21220, "Call is not in-progress. Cannot redirect.")
            }
            self.take(update)
            self.control.send(.redirect(source))
        case nil:
            self.take(update)
        }
    }

    /// What the update changes for the rest of the call.
    private func take(_ update: CallUpdate) {
        self.state.withLock { state in
            state.request.fallback = update.fallback ?? state.request.fallback
            state.request.statusCallback = update.statusCallback ?? state.request.statusCallback
            state.request.timeLimitSeconds = update.timeLimitSeconds ?? state.request.timeLimitSeconds
            state.details.updated = .now
        }
        if update.timeLimitSeconds != nil { self.watchTimeLimit() }
    }
}
