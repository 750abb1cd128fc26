package import CallEvents
package import NIOCore

/// A Media Streams message from Twilio.
package enum MediaStreamEvent: Sendable, Equatable {
    /// The first message.
    case connected(protocolName: String, version: String)
    /// The second message: which call this is.
    case start(Start)
    /// Caller audio, about every 20 ms.
    case media(Media)
    /// A key pressed by the far end: `0-9 * #`, `A-D` possible.
    case dtmf(digit: String)
    /// The mark of that name was reached in the playout, or dropped by a `clear`.
    case mark(name: String)
    /// The last message.
    case stop(accountSid: String, callSid: String)
    /// One that this version does not know.
    case other(event: String)

    package struct Start: Sendable, Equatable {
        package var streamSid: String
        package var accountSid: String
        package var callSid: CallSid
        /// `["inbound"]` on two-way streams.
        package var tracks: [String]
        /// The `<Parameter>` elements of the TwiML.
        package var customParameters: [String: String]

        package init(
            streamSid: String,
            accountSid: String,
            callSid: CallSid,
            tracks: [String] = ["inbound"],
            customParameters: [String: String] = [:]
        ) {
            self.streamSid = streamSid
            self.accountSid = accountSid
            self.callSid = callSid
            self.tracks = tracks
            self.customParameters = customParameters
        }
    }

    package struct Media: Sendable, Equatable {
        package enum Track: String, Sendable {
            case inbound
            case outbound
        }

        package var track: Track
        /// From 1, one more for each message of the track.
        package var chunk: UInt64?
        /// Since the start of the stream; jumps where audio was lost.
        package var timestampMs: UInt64?
        /// Mu-law, 8 kHz; 160 bytes in practice, any length allowed.
        package var payload: ByteBuffer

        package init(track: Track = .inbound, chunk: UInt64?, timestampMs: UInt64?, payload: ByteBuffer) {
            self.track = track
            self.chunk = chunk
            self.timestampMs = timestampMs
            self.payload = payload
        }
    }
}
