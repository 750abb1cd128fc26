import TwilioMedia

/// What all calls of a simulator share.
struct CallEnvironment: Sendable {
    let accountSid: String
    let tokens: AuthTokens
    let webhooks: WebhookClient
    /// Streams are spread over them.
    let mediaLoops: [MediaLoop]
    /// Where recordings go; nil makes none.
    let recordingDirectory: String?
    /// How fast `<Say>` speaks.
    let sayMsPerCharacter: Int
}
