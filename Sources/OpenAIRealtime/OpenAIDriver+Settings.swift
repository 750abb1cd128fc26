import CallEvents

extension OpenAIDriver.Configuration {
    /// The session as the agent wants it.
    /// - Parameter format: nil for another agent in a session that is configured: what cannot be changed any more, the
    ///   format and the voice, is left out.
    func update(for agent: AgentSession, format: ClientEvent.AudioFormat?) -> ClientEvent.SessionUpdate {
        let settings = agent.settings
        var update = ClientEvent.SessionUpdate(
            instructions: agent.instructions,
            tools: agent.tools.map(ClientEvent.Tool.init),
            audio: ClientEvent.Audio(
                format: format,
                voice: format == nil ? nil : settings.voice.isEmpty ? self.voice : settings.voice,
                speed: self.speed(settings, isFirst: format != nil),
                noiseReduction: ClientEvent.NoiseReduction(rawValue: settings.noiseReduction) ?? self.noiseReduction,
                transcription: self.transcription(settings.transcription),
                turnDetection: self.turnDetection(settings.turnDetection)
            )
        )
        update.reasoningEffort = settings.reasoningEffort.isEmpty ? nil : settings.reasoningEffort
        update.maxOutputTokens = settings.maxOutputTokens == 0 ? nil : Int(settings.maxOutputTokens)
        update.truncation = settings.hasTruncation ? ClientEvent.Truncation(settings.truncation) : nil
        return update
    }

    /// A session that is not told speaks at 1.0; a later agent may have to take back what the last one had.
    private func speed(_ settings: SessionSettings, isFirst: Bool) -> Double? {
        let speed = settings.speed == 0 ? self.speed : settings.speed
        return isFirst && speed == 1 ? nil : speed
    }

    private func transcription(_ own: Transcription) -> ClientEvent.Transcription {
        ClientEvent.Transcription(
            model: own.model.isEmpty ? self.transcription.model : own.model,
            language: own.language.isEmpty ? self.transcription.language : own.language,
            prompt: own.prompt.isEmpty ? self.transcription.prompt : own.prompt,
            keywords: own.keywords.isEmpty ? self.transcription.keywords : own.keywords
        )
    }

    private func turnDetection(_ own: TurnDetection) -> ClientEvent.TurnDetection {
        var detection = self.turnDetection
        switch own.kind {
        case .serverVad(let vad):
            detection.kind = .serverVAD(
                threshold: vad.hasThreshold ? vad.threshold : 0.5,
                prefixPaddingMs: vad.hasPrefixPaddingMs ? Int(vad.prefixPaddingMs) : 300,
                silenceDurationMs: vad.hasSilenceDurationMs ? Int(vad.silenceDurationMs) : 500
            )
        case .semanticVad(let vad):
            detection.kind = .semanticVAD(eagerness: vad.eagerness.isEmpty ? "auto" : vad.eagerness)
        case nil: break
        }
        if own.hasCreateResponse { detection.createResponse = own.createResponse }
        if own.hasInterruptResponse { detection.interruptResponse = own.interruptResponse }
        return detection
    }
}

extension ClientEvent.Truncation {
    fileprivate init(_ own: Truncation) {
        switch own.kind {
        case "disabled": self = .disabled
        case "retention_ratio":
            let tokens = own.postInstructionsTokens
            self = .retentionRatio(own.retentionRatio, postInstructionsTokens: tokens == 0 ? nil : Int(tokens))
        default: self = .auto
        }
    }
}
