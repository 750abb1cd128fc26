import CallEvents
import TwilioMedia

extension CallRunner {
    private static let apology = "We are sorry, an application error has occurred. Goodbye."

    /// Fetches a document and runs its verbs.
    mutating func run(_ source: DocumentSource) async -> Next {
        let fetcher = DocumentFetcher(call: self.call, webhooks: self.environment.webhooks)
        let fetched: DocumentFetcher.Fetched?
        switch await self.race({ await fetcher.fetch(source) }) {
        case .finished(let result): fetched = result
        case .interrupted(let control): return Self.next(after: control)
        }
        guard let fetched else {
            self.answer()
            if case .document(let source) = await self.say(Self.apology) { return .document(source) }
            return .hangUp
        }
        if fetched.document.verbs.isEmpty { self.answer() }
        for verb in fetched.document.verbs where !Task.isCancelled {
            switch await self.perform(verb, base: fetched.base) {
            case .nextVerb: continue
            case let next: return next
            }
        }
        return .hangUp
    }

    private mutating func perform(_ verb: TwiMLDocument.Verb, base: WebhookURL?) async -> Next {
        if case .reject(let reason) = verb {
            self.call.log.add(.verb("Reject"))
            return self.isAnswered ? .hangUp : .reject(reason)
        }
        // Every other first verb answers an inbound call; a pause lets it ring so long before.
        if case .pause(let length) = verb, !self.isAnswered {
            self.call.log.add(.verb("Pause"))
            defer { self.answer() }
            return await self.pause(length)
        }
        self.answer()
        switch verb {
        case .connect(let connect):
            self.call.log.add(.verb("Connect"))
            return await self.connect(connect, base: base)
        case .redirect(let url, let method):
            self.call.log.add(.verb("Redirect"))
            return self.document(url, method: method, base: base)
        case .play(let digits):
            self.call.log.add(.verb("Play"))
            self.call.log.add(.playedDigits(digits))
            let time = digits.reduce(Duration.zero) { sum, digit in
                sum + .milliseconds(digit == "w" ? 500 : digit == "W" ? 1000 : 200)
            }
            return await self.pause(time)
        case .say(let text):
            self.call.log.add(.verb("Say"))
            return await self.say(text)
        case .pause(let length):
            self.call.log.add(.verb("Pause"))
            return await self.pause(length)
        case .hangup, .reject:
            self.call.log.add(.verb("Hangup"))
            return .hangUp
        }
    }

    private func document(_ url: String, method: String, base: WebhookURL?) -> Next {
        guard let url = WebhookURL(url, relativeTo: base), ["http", "https"].contains(url.scheme) else {
            self.call.log.add(.problem(code: 11100, "invalid URL \(url)"))
            return .hangUp
        }
        return .document(.url(url, method: method))
    }

    private func say(_ text: String) async -> Next {
        self.call.log.add(.said(text))
        return await self.pause(.milliseconds(text.count * self.environment.sayMsPerCharacter))
    }

    private func pause(_ time: Duration) async -> Next {
        let result = await self.race { _ = try? await Task.sleep(for: time) }
        if case .interrupted(let control) = result { return Self.next(after: control) }
        return .nextVerb
    }

    /// Runs a stream to its end; then `action` decides, or the next verb.
    private mutating func connect(_ connect: TwiMLDocument.Connect, base: WebhookURL?) async -> Next {
        var generator = SystemRandomNumberGenerator()
        let messages = StreamMessages(
            streamSid: "MZ" + randomHexadecimal(using: &generator),
            accountSid: self.environment.accountSid,
            callSid: self.call.sid
        )
        let reporter = StreamReporter(
            stream: connect.stream,
            streamSid: messages.streamSid,
            call: self.call,
            callbacks: self.callbacks
        )
        var outcome = StreamSession.Outcome(end: .stopped, caller: self.caller)
        switch Self.check(connect.stream, document: base) {
        case .failure(let problem):
            self.call.log.add(.problem(code: problem.code, problem.message))
            outcome.end = .failed(code: problem.code)
        case .success(let url):
            guard let loop = self.environment.mediaLoops.randomElement() else { return .hangUp }
            outcome = await StreamSession(
                url: url,
                messages: messages,
                parameters: connect.stream.parameters,
                call: self.call,
                environment: self.environment,
                loop: loop,
                answeredAt: self.answeredAt,
                recording: self.recording,
                onStarted: { reporter.started() }
            ).run(caller: self.caller)
            reporter.log(outcome.end)
        }
        self.caller = outcome.caller
        reporter.ended(outcome.end)
        if let control = outcome.control { return Self.next(after: control) }
        guard let action = connect.action else { return .nextVerb }
        return self.document(action, method: connect.method, base: base)
    }

    /// The rules that Twilio applies before it connects.
    private static func check(
        _ stream: TwiMLDocument.Stream,
        document: WebhookURL?
    ) -> Result<WebhookURL, TwiMLDocument.Problem> {
        guard let url = WebhookURL.stream(stream.url, document: document) else {
            return .failure(.init(code: 31923, message: "malformed stream URL \(stream.url)"))
        }
        guard url.scheme == "wss" || url.scheme == "ws" && url.isLoopback else {
            return .failure(.init(code: 31922, message: "stream scheme is not wss"))
        }
        guard !url.hasQuery else {
            return .failure(.init(code: 31920, message: "stream URL has a query string"))
        }
        guard stream.track == "inbound_track" else {
            return .failure(.init(code: 31941, message: "invalid track \(stream.track)"))
        }
        return .success(url)
    }
}
