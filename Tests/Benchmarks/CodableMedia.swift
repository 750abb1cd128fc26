import Foundation
import NIOCore
import TwilioMedia

// The Media Streams messages as most programs read and write them: the comparison of `voice-bench media`.

/// A `media` message from Twilio.
struct CodableMedia: Decodable {
    private struct Media: Decodable {
        var track: String
        var chunk: String
        var timestamp: String
        /// Base64 in the text.
        var payload: Data
    }

    private var event: String
    private var streamSid: String
    private var media: Media

    static func decode(_ text: ByteBuffer) -> MediaStreamEvent.Media? {
        guard let message = try? JSONDecoder().decode(Self.self, from: text.data), message.event == "media" else {
            return nil
        }
        return MediaStreamEvent.Media(
            track: message.media.track == "outbound" ? .outbound : .inbound,
            chunk: UInt64(message.media.chunk),
            timestampMs: UInt64(message.media.timestamp),
            payload: ByteBuffer(bytes: message.media.payload)
        )
    }
}

/// A `mark` message from Twilio.
struct CodableMark: Decodable {
    private struct Mark: Decodable {
        var name: String
    }

    private var event: String
    private var mark: Mark

    static func decode(_ text: ByteBuffer) -> String? {
        try? JSONDecoder().decode(Self.self, from: text.data).mark.name
    }
}

/// A message to Twilio.
struct CodableCommand: Encodable {
    private struct Media: Encodable {
        var payload: Data
    }

    private struct Mark: Encodable {
        var name: String
    }

    private var event: String
    private var streamSid = BenchCall.streamSid
    private var media: Media?
    private var mark: Mark?

    static func encode(_ command: MediaStreamCommand) -> ByteBuffer {
        let message =
            switch command {
            case .media(let payload): Self(event: "media", media: Media(payload: payload.data))
            case .mark(let name): Self(event: "mark", mark: Mark(name: name))
            case .clear: Self(event: "clear")
            }
        guard let data = try? JSONEncoder().encode(message) else { return ByteBuffer() }
        return ByteBuffer(bytes: data)
    }
}

extension ByteBuffer {
    fileprivate var data: Data {
        self.withUnsafeReadableBytes { Data($0) }
    }
}
