import Logging
import NIOCore
import TwilioMedia
import WebSockets

/// What all calls of a simulator share.
struct CallEnvironment: Sendable {
    let accountSid: String
    let tokens: AuthTokens
    let webhooks: WebhookClient
    let sockets: WebSocketClient
    let clock: MediaClock
    /// Where recordings go; nil makes none.
    let recordingDirectory: String?
    /// How fast `<Say>` speaks.
    let sayMsPerCharacter: Int
}
