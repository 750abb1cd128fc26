import CallEvents
import Logging
import NIOCore
import Synchronization

/// All calls of a simulator and the scripts of the next ones.
final class CallRegistry: Sendable {
    private struct State {
        var script: SimulationScript
        var numberSettings: NumberSettings?
        var isListening = false
        var calls: [CallSid: SimulatedCall] = [:]
        /// Oldest first.
        var order: [CallSid] = []
        /// Requests to create a call, per number, that a fault has answered.
        var createFaultsTaken: [String: Int] = [:]
        /// Requests for a list.
        var listFaultsTaken: [String: Int] = [:]
    }

    private static let maximumCalls = 2000

    /// Calls that were made and have to be run.
    let newCalls = Mailbox<SimulatedCall>()
    /// The people who call, once per script.
    let scriptedCalls = Mailbox<[InboundCall]>()
    private let accountSid: String
    private let dialQueue = DialQueue()
    /// One call after the other is made, so that no two take the same last place.
    private let creating = Mutex(())
    let ownedNumbers: Set<String>?
    private let utterance: @Sendable (String) -> ByteBuffer?
    let logger: Logger
    private let state: Mutex<State>

    /// - Throws: `Business.UnknownUtterance`.
    init(
        accountSid: String,
        script: SimulationScript,
        numberSettings: NumberSettings? = nil,
        ownedNumbers: Set<String>? = nil,
        utterance: @escaping @Sendable (String) -> ByteBuffer?,
        logger: Logger
    ) throws(Business.UnknownUtterance) {
        self.accountSid = accountSid
        self.ownedNumbers = ownedNumbers
        self.utterance = utterance
        self.logger = logger
        self.state = Mutex(State(script: script, numberSettings: numberSettings))
        try self.check(script)
    }

    private func check(_ script: SimulationScript) throws(Business.UnknownUtterance) {
        for call in [script.fallback] + script.numbers.values {
            _ = try Business(call, utterance: self.utterance)
        }
    }

    var numberSettings: NumberSettings? {
        get { self.state.withLock { $0.numberSettings } }
        set { self.state.withLock { $0.numberSettings = newValue } }
    }

    /// The simulator listens: the script's people call from now on.
    func startScriptedCalls() {
        self.state.withLock { state in
            state.isListening = true
            self.scriptedCalls.send(state.script.inbound)
        }
    }

    var script: SimulationScript { self.state.withLock { $0.script } }

    func replace(script: SimulationScript) throws(Business.UnknownUtterance) {
        try self.check(script)
        self.state.withLock { state in
            state.script = script
            state.createFaultsTaken = [:]
            state.listFaultsTaken = [:]
            if state.isListening { self.scriptedCalls.send(script.inbound) }
        }
    }

    func replace(script: CallScript, for number: String) throws(Business.UnknownUtterance) {
        _ = try Business(script, utterance: self.utterance)
        self.state.withLock { state in
            state.script.numbers[number] = script
            state.createFaultsTaken[number] = nil
            state.listFaultsTaken[number] = nil
        }
    }

    /// Takes the fault of the next request to call `number`.
    func takeCreateFault(for number: String) -> Faults.APIFault? {
        self.state.withLock { Self.take(\.create, &$0.createFaultsTaken, of: $0.script, for: number) }
    }

    /// Takes the fault of the next request for the calls to `number`.
    func takeListFault(for number: String) -> Faults.APIFault? {
        self.state.withLock { Self.take(\.lookUp, &$0.listFaultsTaken, of: $0.script, for: number) }
    }

    private static func take(
        _ kind: KeyPath<Faults, [Faults.APIFault]>,
        _ taken: inout [String: Int],
        of script: SimulationScript,
        for number: String
    ) -> Faults.APIFault? {
        let faults = script[to: number].faults[keyPath: kind]
        let count = taken[number, default: 0]
        guard count < faults.count else { return nil }
        taken[number] = count + 1
        return faults[count]
    }

    /// Makes a call and has it run.
    /// - Parameter script: what happens in it; by default what the script says of the person's number.
    func create(
        _ request: CallRequest,
        direction: CallDetails.Direction = .outbound,
        script: CallScript? = nil
    ) throws(APIError) -> SimulatedCall {
        try self.creating.withLock { _ throws(APIError) in
            try self.make(request, direction: direction, script: script)
        }
    }

    private func make(
        _ request: CallRequest,
        direction: CallDetails.Direction,
        script callScript: CallScript?
    ) throws(APIError) -> SimulatedCall {
        let script = self.script
        try self.checkConcurrency(script.concurrentCalls)
        let callScript = callScript ?? script[to: direction == .inbound ? request.from : request.to]
        var generator = SystemRandomNumberGenerator()
        guard let sid = CallSid("CA" + randomHexadecimal(using: &generator)),
            let business = try? Business(callScript, utterance: self.utterance)
        else { throw APIError(status: 500, code: 20500, "the script cannot be played") }
        var logger = self.logger
        logger[metadataKey: "call.sid"] = "\(sid)"
        let call = SimulatedCall(
            details: CallDetails(
                sid: sid,
                accountSid: self.accountSid,
                to: request.to,
                from: request.from,
                direction: direction,
                created: .now,
                queuedMs: direction == .outbound ? self.dialQueue.reserve(callsPerSecond: script.callsPerSecond) : 0
            ),
            request: request,
            script: callScript,
            business: business,
            log: CallLog { [logger] fact in logger.log(level: fact.level, "call", metadata: ["fact": "\(fact.event)"]) }
        )
        self.state.withLock { state in
            state.calls[sid] = call
            state.order.append(sid)
            Self.forgetOldest(&state)
        }
        call.log.add(.status(call.details.status.rawValue))
        self.newCalls.send(call)
        return call
    }

    private func checkConcurrency(_ limit: Int?) throws(APIError) {
        guard let limit else { return }
        let live = self.all.count { !$0.details.status.isFinal }
        guard live < limit else { throw APIError(code: 10004, "Call concurrency limit exceeded") }
    }

    /// Calls that are over are kept for whoever asks, but not all for ever.
    private static func forgetOldest(_ state: inout State) {
        guard state.order.count > self.maximumCalls, let oldest = state.order.first,
            state.calls[oldest]?.details.status.isFinal ?? true
        else { return }
        state.calls[oldest] = nil
        state.order.removeFirst()
    }

    subscript(sid: String) -> SimulatedCall? {
        guard let sid = CallSid(sid) else { return nil }
        return self.state.withLock { $0.calls[sid] }
    }

    /// Newest first.
    var all: [SimulatedCall] {
        self.state.withLock { state in state.order.reversed().compactMap { state.calls[$0] } }
    }
}

extension CallFact {
    fileprivate var level: Logger.Level {
        switch self.event {
        case .problem: .warning
        case .markQueued, .markReturned, .said, .playedDigits: .trace
        case .status, .verb, .streamStarted, .streamEnded, .business, .fault, .cleared: .info
        case .webhook, .agentBegan, .agentEnded, .toneHeard: .debug
        }
    }
}
