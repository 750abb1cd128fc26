import Synchronization
import TwilioMedia

/// Sends a call's status callbacks one after the other, beside the call: a slow server does not hold up the call.
final class StatusCallbacks: Sendable {
    private struct Job: Sendable {
        var kind: CallFact.Webhook.Kind
        var callback: CallRequest.Callback
        var fields: FormFields
        var callStatus: String
    }

    private let call: SimulatedCall
    private let webhooks: WebhookClient
    private let jobs = Mailbox<Job>()
    private let sequence = Mutex(0)

    init(call: SimulatedCall, webhooks: WebhookClient) {
        self.call = call
        self.webhooks = webhooks
    }

    /// Reports progress of the call, if it was asked for.
    /// - Parameter status: the `CallStatus` that goes with it.
    func post(_ event: CallRequest.ProgressEvent, status: String, further: [FormField] = []) {
        let request = self.call.request
        guard let callback = request.statusCallback, request.statusEvents.contains(event) else { return }
        let number = self.sequence.withLock { sequence in
            defer { sequence += 1 }
            return sequence
        }
        let fields =
            self.call.standardFields(status: status) + further + [
                FormField("Timestamp", TwilioTime.now.rfc2822),
                FormField("CallbackSource", "call-progress-events"),
                FormField("SequenceNumber", String(number)),
            ]
        self.jobs.send(Job(kind: .status, callback: callback, fields: FormFields(fields), callStatus: status))
    }

    func post(_ kind: CallFact.Webhook.Kind, to callback: CallRequest.Callback, fields: [FormField]) {
        let status = self.call.details.status.rawValue
        self.jobs.send(Job(kind: kind, callback: callback, fields: FormFields(fields), callStatus: status))
    }

    /// No more will be posted.
    func finish() { self.jobs.finish() }

    /// Runs until all is sent after `finish()`.
    func run() async {
        let faults = self.call.script.faults
        var held: Job?
        while let job = await self.jobs.next() {
            if faults.reorderStatus, job.kind == .status, held == nil {
                held = job
                continue
            }
            await self.send(job)
            if let earlier = held.take() { await self.send(earlier) }
        }
        if let held { await self.send(held) }
    }

    private func send(_ job: Job) async {
        let faults = self.call.script.faults
        if faults.statusDelayMs > 0, job.kind == .status {
            do { try await Task.sleep(for: .milliseconds(faults.statusDelayMs)) } catch { return }
        }
        for _ in 0..<(faults.repeatStatus && job.kind == .status ? 2 : 1) {
            let url = job.callback.url
            var webhook = CallFact.Webhook(kind: job.kind, url: url.text, callStatus: job.callStatus)
            do {
                let answer = try await self.webhooks.send(url, method: job.callback.method, fields: job.fields)
                webhook.status = answer.status
            } catch {
                webhook.status = error.status
                let code = error.status.map { $0 >= 400 } ?? false ? 15003 : error.code
                self.call.log.add(.problem(code: code, "\(job.kind.rawValue) callback: \(error.message)"))
            }
            self.call.log.add(.webhook(webhook))
        }
    }
}
