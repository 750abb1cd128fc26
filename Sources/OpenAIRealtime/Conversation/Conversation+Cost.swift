import CallEvents

extension Conversation {
    /// Writing the person's words down is billed apart from the responses.
    func transcribed(_ itemID: String, _ usage: TranscriptionUsage?, atUs: Int64) -> [ConversationAction] {
        guard let usage else { return [] }
        let own = self.agent.settings.transcription.model
        let model = own.isEmpty ? self.policy.transcriptionModel : own
        var done = TranscriptionDone()
        done.itemID = itemID
        done.audioMs = UInt32(clamping: Int64(min(usage.seconds, 86_400) * 1000))
        done.inputTokens = UInt64(usage.inputText + usage.inputAudio)
        done.outputTokens = UInt64(usage.output)
        done.costNanodollars = self.policy.prices.nanodollars(usage, model: model)
        return [self.publish("transcription-done", itemID, .transcriptionDone(done), atUs)]
    }
}
