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
        var updateFaults: [Faults.APIFault]
    }

    let sid: CallSid
    let request: CallRequest
    /// The limit that the script set when the call was created.
    let callsPerSecond: Double?
    let script: CallScript
    let business: Business
    let log: CallLog
    let control = Mailbox<Control>()
    private let state: Mutex<State>

    init(
        details: CallDetails,
        request: CallRequest,
        script: CallScript,
        callsPerSecond: Double?,
        business: Business,
        log: CallLog
    ) {
        self.sid = details.sid
        self.request = request
        self.callsPerSecond = callsPerSecond
        self.script = script
        self.business = business
        self.log = log
        self.state = Mutex(State(details: details, updateFaults: script.faults.update))
    }

    var details: CallDetails { self.state.withLock { $0.details } }

    /// Takes the fault of the next update.
    func takeUpdateFault() -> Faults.APIFault? {
        self.state.withLock { $0.updateFaults.isEmpty ? nil : $0.updateFaults.removeFirst() }
    }

    func set(_ status: CallDetails.Status) {
        self.state.withLock { state in
            let now = TwilioTime.now
            state.details.status = status
            state.details.updated = now
            if status == .inProgress { state.details.started = now }
            if status.isFinal { state.details.ended = now }
        }
        self.log.add(.status(status.rawValue))
    }

    func set(answeredBy verdict: String) {
        self.state.withLock { $0.details.answeredBy = verdict }
    }

    func set(queuedMs: Int) {
        self.state.withLock { $0.details.queuedMs = queuedMs }
    }

    /// What the update asks for is begun; the call's task carries it out.
    func update(_ update: CallUpdate) throws(APIError) {
        let status = self.details.status
        guard !status.isFinal else {
            throw APIError(code: 21220, "Call is not in-progress. Cannot redirect.")
        }
        switch update {
        case .complete:
            self.control.send(.hangUp(status == .inProgress ? .requested : .canceled))
        case .cancel:
            guard status != .inProgress else {
                throw APIError(code: 21220, "Call is in-progress. Cannot cancel.")
            }
            self.control.send(.hangUp(.canceled))
        case .redirect(let source):
            guard status == .inProgress else {
                throw APIError(code: 21220, "Call is not in-progress. Cannot redirect.")
            }
            self.control.send(.redirect(source))
        case .nothing:
            break
        }
    }
}
