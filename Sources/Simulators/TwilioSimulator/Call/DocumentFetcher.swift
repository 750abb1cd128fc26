import TwilioMedia

/// Gets and reads the TwiML of a call, from the fallback URL when the first one fails.
struct DocumentFetcher: Sendable {
    struct Fetched: Sendable {
        var document: TwiMLDocument
        /// What relative URLs in it are relative to.
        var base: WebhookURL?
    }

    let call: SimulatedCall
    let webhooks: WebhookClient

    /// - Returns: nil when there is no usable document; the reasons are logged.
    func fetch(_ source: DocumentSource) async -> Fetched? {
        switch source {
        case .text(let twiml):
            do throws(TwiMLDocument.Problem) {
                return Fetched(document: try self.read(Array(twiml.utf8)), base: nil)
            } catch {
                self.call.log.add(.problem(code: error.code, error.message))
                return nil
            }
        case .url(let url, let method):
            do throws(TwiMLDocument.Problem) {
                return try await self.request(url, method: method, fields: self.call.standardFields())
            } catch {
                return await self.fallBack(after: error, url: url)
            }
        }
    }

    private func fallBack(after problem: TwiMLDocument.Problem, url: WebhookURL) async -> Fetched? {
        // Broken off because the call went elsewhere: that is no failure of whoever was asked.
        if Task.isCancelled { return nil }
        self.call.log.add(.problem(code: problem.code, problem.message))
        guard let fallback = self.call.request.fallback else { return nil }
        let fields =
            self.call.standardFields() + [
                FormField("ErrorCode", String(problem.code)), FormField("ErrorUrl", url.text),
            ]
        do throws(TwiMLDocument.Problem) {
            return try await self.request(fallback.url, method: fallback.method, fields: fields)
        } catch {
            if !Task.isCancelled { self.call.log.add(.problem(code: error.code, error.message)) }
            return nil
        }
    }

    private func request(
        _ url: WebhookURL,
        method: String,
        fields: [FormField]
    ) async throws(TwiMLDocument.Problem) -> Fetched {
        let delay = self.call.script.faults.twimlDelayMs
        if delay > 0 { try? await Task.sleep(for: .milliseconds(delay)) }
        let callStatus = self.call.details.status.rawValue
        var webhook = CallFact.Webhook(kind: .twiml, url: url.text, callStatus: callStatus)
        let answer: WebhookClient.Answer
        do {
            answer = try await self.webhooks.send(url, method: method, fields: FormFields(fields))
        } catch {
            webhook.status = error.status
            self.call.log.add(.webhook(webhook))
            throw TwiMLDocument.Problem(code: error.code, message: "\(url.text): \(error.message)")
        }
        webhook.status = answer.status
        self.call.log.add(.webhook(webhook))
        let type = answer.contentType.prefix { $0 != ";" }.lowercased()
        guard ["text/xml", "application/xml"].contains(String(type).trimmed) else {
            throw TwiMLDocument.Problem(code: 12300, message: "content type \(answer.contentType)")
        }
        return Fetched(document: try self.read(answer.body), base: answer.url)
    }

    private func read(_ text: [UInt8]) throws(TwiMLDocument.Problem) -> TwiMLDocument {
        let document = try TwiMLDocument(text)
        for warning in document.warnings { self.call.log.add(.problem(code: warning.code, warning.message)) }
        return document
    }
}
