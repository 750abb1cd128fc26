import TwilioMedia

/// Answering-machine detection as a request asks for it.
package struct MachineDetection: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Says at once what answered.
        case enable = "Enable"
        /// Waits for the end of a machine's greeting.
        case detectMessageEnd = "DetectMessageEnd"
    }

    /// All that `AnsweredBy` can be.
    package static let verdicts: Set<String> = [
        "human", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax", "unknown",
    ]

    package var mode: Mode
    package var timeoutSeconds: Int
    /// TwiML is fetched at once, and the verdict posted to `callback`; else TwiML waits for it.
    package var isAsynchronous: Bool
    package var callback: CallRequest.Callback?

    /// - Returns: nil when the request does not ask for it, or sends digits.
    /// - Throws: 20001 for what is out of range.
    init?(_ form: FormFields) throws(APIError) {
        let timeout = try form.number("MachineDetectionTimeout", in: 3...59) ?? 30
        _ = try form.number("MachineDetectionSpeechThreshold", in: 1000...6000)
        _ = try form.number("MachineDetectionSpeechEndThreshold", in: 500...5000)
        _ = try form.number("MachineDetectionSilenceTimeout", in: 2000...10000)
        let callback = try CallRequest.callback(form, "AsyncAmdStatusCallback", method: "AsyncAmdStatusCallbackMethod")
        let isAsynchronous = try form.choice("AsyncAmd", of: ["true", "false"]) == "true"
        let mode = try form.choice("MachineDetection", of: Mode.allCases.map(\.rawValue)).flatMap(Mode.init)
        guard let mode, form.given("SendDigits") == nil else { return nil }
        self.mode = mode
        self.timeoutSeconds = timeout
        self.isAsynchronous = isAsynchronous
        self.callback = callback
    }

    /// What Twilio says, and how many milliseconds after the answer.
    /// - Parameters:
    ///   - script: who answers, in the words of either mode.
    ///   - afterMs: when that is clear.
    package func verdict(_ script: String, afterMs: Int) -> (answeredBy: String, ms: Int) {
        guard afterMs < self.timeoutSeconds * 1000 else { return ("unknown", self.timeoutSeconds * 1000) }
        return (self.word(for: script), afterMs)
    }

    private func word(for script: String) -> String {
        switch (self.mode, script) {
        case (.enable, "machine_end_beep"), (.enable, "machine_end_silence"), (.enable, "machine_end_other"):
            "machine_start"
        case (.detectMessageEnd, "machine_start"):
            "machine_end_beep"
        default:
            Self.verdicts.contains(script) ? script : "unknown"
        }
    }
}
