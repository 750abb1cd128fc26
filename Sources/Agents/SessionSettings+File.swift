import CallEvents
import SwiftProtobuf

// Settings of the Realtime session, by their Realtime names. A group that is given replaces that of the defaults.
extension SessionSettings {
    mutating func read(_ value: FileValue) {
        guard let file = value.mapping() else { return }
        file.allow([
            "speed", "turn_detection", "noise_reduction", "transcription", "reasoning_effort", "max_output_tokens",
            "truncation", "idle",
        ])
        if let speed = file["speed"]?.number(0.25...1.5) { self.speed = speed }
        if let detection = file["turn_detection"].flatMap(TurnDetection.init(file:)) { self.turnDetection = detection }
        if let kind = file["noise_reduction"]?.choice(["near_field", "far_field", "off"]) {
            self.noiseReduction = kind
        }
        if let transcription = file["transcription"].flatMap(Transcription.init(file:)) {
            self.transcription = transcription
        }
        if let effort = file["reasoning_effort"]?.choice(["minimal", "low", "medium", "high", "xhigh"]) {
            self.reasoningEffort = effort
        }
        if let tokens = file["max_output_tokens"]?.int(1...4096) { self.maxOutputTokens = UInt32(tokens) }
        if let truncation = file["truncation"].flatMap(Truncation.init(file:)) { self.truncation = truncation }
        if let idle = file["idle"].flatMap(Idle.init(file:)) { self.idle = idle }
    }
}

extension TurnDetection {
    fileprivate init?(file value: FileValue) {
        guard let file = value.mapping(), let type = file.required("type")?.choice(["server_vad", "semantic_vad"])
        else { return nil }
        self.init()
        let own =
            type == "server_vad" ? ["threshold", "prefix_padding_ms", "silence_duration_ms"] : ["eagerness"]
        file.allow(["type"] + own + ["create_response", "interrupt_response"])
        if type == "server_vad" {
            self.serverVad = .with {
                if let threshold = file["threshold"]?.number(0...1) { $0.threshold = threshold }
                if let padding = file["prefix_padding_ms"]?.int(0...5000) { $0.prefixPaddingMs = UInt32(padding) }
                if let silence = file["silence_duration_ms"]?.int(100...10_000) {
                    $0.silenceDurationMs = UInt32(silence)
                }
            }
        } else {
            self.semanticVad = .with {
                $0.eagerness = file["eagerness"]?.choice(["low", "medium", "high", "auto"]) ?? ""
            }
        }
        if let creates = file["create_response"]?.bool() { self.createResponse = creates }
        if let interrupts = file["interrupt_response"]?.bool() { self.interruptResponse = interrupts }
    }
}

extension Transcription {
    fileprivate init?(file value: FileValue) {
        guard let file = value.mapping() else { return nil }
        self.init()
        file.allow(["model", "language", "prompt", "keywords"])
        self.model = file["model"]?.text(limit: 100) ?? ""
        self.prompt = file["prompt"]?.text(limit: 2000) ?? ""
        self.keywords = (file["keywords"]?.list() ?? []).compactMap { $0.text(limit: 100) }
        guard let language = file["language"], let code = language.text() else { return }
        self.language = code
        if code.count != 2 || !code.allSatisfy({ $0.isASCII && $0.isLowercase }) {
            language.report("language must be an ISO 639-1 code such as en.")
        }
    }
}

extension Truncation {
    fileprivate init?(file value: FileValue) {
        self.init()
        guard value.isMapping else {
            guard let kind = value.choice(["auto", "disabled"]) else { return nil }
            self.kind = kind
            return
        }
        guard let file = value.mapping() else { return nil }
        file.allow(["type", "retention_ratio", "token_limits"])
        self.kind = file.required("type")?.choice(["retention_ratio"]) ?? ""
        self.retentionRatio = file.required("retention_ratio")?.number(0...1) ?? 0
        guard let limits = file["token_limits"]?.mapping() else { return }
        limits.allow(["post_instructions"])
        self.postInstructionsTokens = UInt32(limits["post_instructions"]?.int(1...1_000_000) ?? 0)
    }
}

extension Idle {
    fileprivate init?(file value: FileValue) {
        guard let file = value.mapping() else { return nil }
        self.init()
        file.allow(["seconds", "prompt", "prompts"])
        self.seconds = UInt32(file.required("seconds")?.int(0...3600) ?? 0)
        self.prompt = file["prompt"]?.text(limit: 2000) ?? ""
        self.prompts = UInt32(file["prompts"]?.int(1...10) ?? 0)
    }
}
