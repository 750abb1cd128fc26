import JSON

extension SessionMachine {
    /// The one that writes to the conversation.
    var activeResponse: ActiveResponse? {
        self.responses.first { !$0.parameters.isOutOfBand }
    }

    /// - Parameter own: the checked parameters of a `response.create`.
    mutating func createResponse(_ own: JSONValue?, now: Instant) throws(Refusal) {
        if let own {
            try SessionConfiguration.checkModelSupports(own, at: "response", model: self.configuration.model)
        }
        let parameters = ResponseParameters(own, session: self.configuration)
        if self.hasSpoken, !parameters.isOutOfBand, parameters.voice != self.configuration.voice {
            throw Refusal(
                code: "cannot_update_voice",
                message: "The voice of a session cannot change once it has produced audio."
            )
        }
        if !parameters.isOutOfBand, let active = self.activeResponse {
            throw Refusal(
                code: "conversation_already_has_active_response",
                message: "Conversation already has an active response in progress: \(active.id)."
            )
        }
        switch try self.question(for: parameters) {
        case .known(.opening):
            let rest = own?["instructions"]?.stringValue.flatMap { self.restOfReply(quotedIn: $0) }
            self.startResponse(parameters, answering: .opening, goingOn: rest, now: now)
        case .known(let trigger): self.startResponse(parameters, answering: trigger, now: now)
        case .notHeardYet(let item): self.startResponse(parameters, awaiting: item, now: now)
        }
    }

    mutating func startResponse(
        _ parameters: ResponseParameters,
        answering trigger: Rule.Trigger? = nil,
        awaiting item: String? = nil,
        goingOn rest: RestOfReply? = nil,
        now: Instant
    ) {
        self.cancelIdleTimer()
        let id = self.nextID("resp_")
        self.facts.responses.append(.init(id: id, trigger: trigger))
        var response = ActiveResponse(id: id, parameters: parameters, fact: self.facts.responses.count - 1)
        response.awaitedItem = item
        self.countContext(&response)
        self.emit(
            "response.created",
            ["response": response.wire(status: "in_progress", conversationID: self.conversationID)]
        )
        self.responses.append(response)
        if let trigger { self.plan(self.responses.count - 1, trigger: trigger, goingOn: rest, now: now) }
    }

    /// Decides what the response at `index` does.
    mutating func plan(_ index: Int, trigger: Rule.Trigger, goingOn rest: RestOfReply? = nil, now: Instant) {
        let rule =
            rest == nil ? self.progress.take(trigger, session: self.facts.number, runs: &self.ruleRuns) : nil
        let plan = ResponsePlan(
            rest?.actions ?? rule?.actions ?? [.say("sorry")],
            wordsSaid: rest?.wordsSaid ?? 0,
            parameters: self.responses[index].parameters,
            pace: self.script.pace,
            start: now + .milliseconds(self.script.thinkMs)
        )
        self.responses[index].steps = plan.steps
        let fact = self.responses[index].fact
        self.facts.responses[fact].trigger = trigger
        self.facts.responses[fact].notOffered = plan.notOffered
    }

    private mutating func countContext(_ response: inout ActiveResponse) {
        var tokens = (
            text: (self.configuration.instructions.utf8.count + 64 * self.configuration.tools.count) / 4, audio: 0
        )
        for item in self.conversation.items {
            switch item.body {
            case .message(_, let content):
                for part in content {
                    let more = part.tokens
                    tokens.text += more.text
                    tokens.audio += more.audio
                }
            case .functionCall(_, _, let text), .functionOutput(_, let text):
                tokens.text += text.utf8.count / 4 + 8
            }
        }
        response.inputTokens = tokens
        // The cache works in blocks of 64 tokens of an unchanged prefix.
        response.cachedTokens = (
            min(tokens.text, self.lastContext.text) / 64 * 64, min(tokens.audio, self.lastContext.audio) / 64 * 64
        )
        self.lastContext = tokens
    }

    mutating func takeStep(of index: Int, now: Instant) {
        let step = self.responses[index].steps[self.responses[index].nextStep]
        self.responses[index].nextStep += 1
        let id = self.responses[index].id
        switch step.kind {
        case .beginMessage(let speech): self.beginMessage(speech, of: index)
        case .word(let text): self.say(text, of: index)
        case .audio(let delta): self.play(delta, of: index)
        case .endMessage, .endCall: self.endItem(of: index, status: .completed)
        case .beginCall(let name, _): self.beginCall(name, of: index)
        case .arguments(let text): self.giveArguments(text, of: index)
        case .fault(let fault): self.happen(fault, in: id, now: now)
        case .limit: self.end(id, status: "incomplete", reason: "max_output_tokens", now: now)
        case .finish: self.end(id, status: "completed", now: now)
        }
    }

    mutating func cancelResponse(id: String?, now: Instant) throws(Refusal) {
        let response = self.responses.first { id == nil ? !$0.parameters.isOutOfBand : $0.id == id }
        guard let response else {
            throw Refusal(
                code: "response_cancel_not_active",
                message: "Cancellation failed: no active response found."
            )
        }
        self.end(response.id, status: "cancelled", reason: "client_cancelled", now: now)
    }

    /// Ends a response, and the item in progress with it.
    mutating func end(
        _ id: String,
        status: String,
        reason: String? = nil,
        error: Fault.ServiceError? = nil,
        now: Instant
    ) {
        guard let index = self.responses.firstIndex(where: { $0.id == id }) else { return }
        if self.responses[index].output.last?.status == .inProgress { self.endItem(of: index, status: .incomplete) }
        let response = self.responses.remove(at: index)
        var details: Wire = nil
        if let reason { details = ["type": .string(status), "reason": .string(reason)] }
        if let error {
            details = [
                "type": .string(status),
                "error": [
                    "type": .string(error.type), "code": .string(error.code), "message": .string(error.message),
                ],
            ]
        }
        self.facts.responses[response.fact].status = status
        self.facts.responses[response.fact].reason = reason ?? error?.code
        self.emit(
            "response.done",
            [
                "response": response.wire(
                    status: status,
                    details: details,
                    conversationID: self.conversationID,
                    usage: response.usage
                )
            ]
        )
        let usage = response.inputTokens.text + response.inputTokens.audio + response.outputTokens.text
        self.tokensLeft = max(0, self.script.tokensLeft - usage - response.outputTokens.audio)
        self.schedule(.rateLimits, at: now + .milliseconds(40))
        self.startIdleTimer(after: response, now: now)
    }

    private mutating func startIdleTimer(after response: ActiveResponse, now: Instant) {
        guard let timeout = self.configuration.turnDetection?.idleTimeout, !response.parameters.isOutOfBand else {
            return
        }
        self.cancelIdleTimer()
        let audio = Duration.milliseconds(self.facts.responses[response.fact].audioMs)
        self.schedule(.idle, at: now + timeout + audio)
    }
}
