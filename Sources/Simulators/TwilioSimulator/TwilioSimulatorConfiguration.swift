package import NIOCore
import Speech

/// What a `TwilioSimulator` is made with.
package struct TwilioSimulatorConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 takes a free one.
    package var port = 0
    package var accountSid: String
    package var authToken: String
    package var script = SimulationScript()
    /// The account's numbers: what `From` may be (21210), and whom people can call; nil allows any.
    package var ownedNumbers: Set<String>?
    /// What the account's numbers do with calls to them; nil takes none.
    package var numberSettings: NumberSettings?
    /// Each call becomes `<directory>/<callSid>.wav`; nil records nothing.
    package var recordingDirectory: String?
    /// How fast `<Say>` speaks.
    package var sayMsPerCharacter = 60
    /// The recordings by name, mu-law 8 kHz; those of `Speech` by default.
    package var utterance: @Sendable (String) -> ByteBuffer? = { Self.recordings[$0] }

    /// Shared by all calls.
    private static let recordings = Dictionary(
        uniqueKeysWithValues: Speech.all.map { ($0.name, ByteBuffer(bytes: $0.mulaw)) }
    )

    package init(accountSid: String, authToken: String) {
        self.accountSid = accountSid
        self.authToken = authToken
    }
}
