import CallEvents
import TwilioMedia

/// One call from the queue to its last status callback.
struct CallRunner {
    /// What follows what was just done.
    enum Next {
        case nextVerb
        case document(DocumentSource)
        case hangUp
        /// Before the answer only.
        case reject(TwiMLDocument.Rejection)
    }

    /// How a call came to its end.
    struct Ending {
        var status: CallDetails.Status
        /// SIP's response code.
        var sip: Int

        static let completed = Ending(status: .completed, sip: 200)
        static let canceled = Ending(status: .canceled, sip: 487)
    }

    enum Raced<Value: Sendable>: Sendable {
        case finished(Value)
        case interrupted(SimulatedCall.Control)
    }

    let call: SimulatedCall
    let environment: CallEnvironment
    let callbacks: StatusCallbacks
    var caller: MediaStream.Caller
    var isAnswered = false
    var answeredAt = ContinuousClock.now
    var recording: CallRecording?

    static func run(_ call: SimulatedCall, environment: CallEnvironment) async {
        let callbacks = StatusCallbacks(call: call, webhooks: environment.webhooks)
        let sideTasks = call.sideTasks
        async let sending: Void = callbacks.run()
        async let running: Void = withDiscardingTaskGroup { group in
            while let task = await sideTasks.next() { group.addTask { await task() } }
            group.cancelAll()
        }
        var runner = CallRunner(
            call: call,
            environment: environment,
            callbacks: callbacks,
            caller: MediaStream.Caller(business: call.business, faults: StreamFaults(call.script.faults))
        )
        await runner.run()
        sideTasks.finish()
        await running
        callbacks.finish()
        await sending
    }

    private mutating func run() async {
        for warning in self.call.request.warnings {
            self.call.log.add(.problem(code: warning.code, warning.message))
        }
        let ending =
            switch self.call.details.direction {
            case .inbound: await self.talk()
            case .outbound: await self.dial()
            }
        self.finish(ending)
    }

    private mutating func dial() async -> Ending {
        let script = self.call.script
        let queuedMs = self.call.details.queuedMs
        if queuedMs > 0, await self.wait(.milliseconds(queuedMs)) { return .canceled }
        self.call.dialed()
        self.callbacks.post(.initiated, status: "initiated")
        if await self.wait(.milliseconds(script.ringAfterMs)) { return .canceled }
        self.call.set(.ringing)
        self.callbacks.post(.ringing, status: "ringing")

        let timeout = Duration.seconds(self.call.request.timeoutSeconds)
        let reaction = Duration.milliseconds(script.answerAfterMs)
        let isInTime = script.outcome != .noAnswer && reaction <= timeout
        if await self.wait(isInTime ? reaction : timeout) { return .canceled }
        guard isInTime else { return Ending(status: .noAnswer, sip: 487) }
        switch script.outcome {
        case .answered:
            self.answer()
            return await self.talk()
        case .busy: return Ending(status: .busy, sip: 486)
        case .failed: return Ending(status: .failed, sip: 404)
        case .noAnswer: return Ending(status: .noAnswer, sip: 487)
        }
    }

    /// - Returns: whether the call was ended meanwhile. There is no document yet that could be replaced.
    private func wait(_ time: Duration) async -> Bool {
        let result = await self.race { _ = try? await Task.sleep(for: time) }
        if case .interrupted = result { return true }
        return Task.isCancelled
    }

    private func finish(_ ending: Ending) {
        if let recording = self.recording {
            recording.advance(toMs: Int((ContinuousClock.now - self.answeredAt) / .milliseconds(1)))
            recording.write()
        }
        self.call.set(ending.status)
        let seconds = self.call.details.durationSeconds ?? 0
        self.callbacks.post(
            .completed,
            status: ending.status.rawValue,
            further: [
                FormField("CallDuration", String(seconds)),
                FormField("Duration", String((seconds + 59) / 60)),
                FormField("SipResponseCode", String(ending.sip)),
            ]
        )
    }

    mutating func answer() {
        guard !self.isAnswered else { return }
        self.isAnswered = true
        self.answeredAt = .now
        self.call.set(.inProgress)
        self.callbacks.post(.answered, status: CallDetails.Status.inProgress.rawValue)
        self.startRecording()
        self.call.watchTimeLimit()
    }

    /// Runs documents to the end of the call. An inbound one is not answered yet.
    private mutating func talk() async -> Ending {
        var next = await self.detect() ?? .document(self.call.request.document)
        // A customer's server could redirect in a circle for ever.
        var documents = 0
        while case .document(let source) = next, !Task.isCancelled {
            documents += 1
            guard documents <= 1000 else {
                self.call.log.add(.problem(code: 11215, "too many documents"))
                break
            }
            next = await self.run(source)
        }
        if case .reject(let reason) = next {
            return reason == .busy ? Ending(status: .busy, sip: 486) : Ending(status: .noAnswer, sip: 603)
        }
        return self.isAnswered ? .completed : .canceled
    }

    private mutating func startRecording() {
        guard let directory = self.environment.recordingDirectory else { return }
        let path = "\(directory)/\(self.call.sid).wav"
        guard let recording = CallRecording(path: path) else {
            self.call.log.add(.problem(code: 0, "cannot write \(path)"))
            return
        }
        self.recording = recording
        self.call.sideTasks.send {
            while (try? await Task.sleep(for: .seconds(1))) != nil { recording.write() }
        }
    }

    /// Finds out who answered, where that was asked for.
    private func detect() async -> Next? {
        guard let detection = self.call.request.detection else { return nil }
        let call = self.call
        let verdict = detection.verdict(call.script.answeredBy, afterMs: call.script.detectionMs)
        guard detection.isAsynchronous else {
            let result = await self.race { _ = try? await Task.sleep(for: .milliseconds(verdict.ms)) }
            if case .interrupted(let control) = result { return Self.next(after: control) }
            call.set(answeredBy: verdict.answeredBy)
            return nil
        }
        let callbacks = self.callbacks
        call.sideTasks.send {
            guard (try? await Task.sleep(for: .milliseconds(verdict.ms))) != nil else { return }
            call.set(answeredBy: verdict.answeredBy)
            guard let callback = detection.callback else { return }
            callbacks.post(
                .machineDetection,
                to: callback,
                fields: [
                    FormField("CallSid", call.sid.rawValue),
                    FormField("AccountSid", call.details.accountSid),
                    FormField("AnsweredBy", verdict.answeredBy),
                    FormField("MachineDetectionDuration", String(verdict.ms)),
                ]
            )
        }
        return nil
    }

    static func next(after control: SimulatedCall.Control) -> Next {
        switch control {
        case .redirect(let source): .document(source)
        case .hangUp: .hangUp
        }
    }

    /// Does `operation` unless something comes for the call; then that is taken and `operation` cancelled.
    func race<Value: Sendable>(_ operation: @escaping @Sendable () async -> Value) async -> Raced<Value> {
        let control = self.call.control
        return await withTaskGroup(of: Raced<Value>?.self) { group in
            group.addTask { .finished(await operation()) }
            group.addTask { await control.next().map { .interrupted($0) } }
            var result: Raced<Value>?
            for await outcome in group {
                group.cancelAll()
                switch (result, outcome) {
                case (_, nil), (.interrupted, _): break
                default: result = outcome
                }
            }
            // One of the two always has an outcome: `operation` returns a value even when it is cancelled.
            return result ?? .interrupted(.hangUp(.requested))
        }
    }
}
