import Logging
import NIOCore
import TwilioMedia
import WebSockets

/// What all calls of a simulator share.
struct CallEnvironment: Sendable {
    let accountSid: String
    let signature: TwilioSignature
    let webhooks: WebhookClient
    let sockets: WebSocketClient
    let clock: MediaClock
    let dialQueue: DialQueue
    /// Where recordings go; nil makes none.
    let recordingDirectory: String?
    /// How fast `<Say>` speaks.
    let sayMsPerCharacter: Int
}
