import JSON
import NIOCore

/// What is sent at once to whoever watches: an event of a `text/event-stream`, or a comment.
struct StreamFrame: Sendable, Equatable {
    /// As on the wire.
    var text: ByteBuffer
    /// When Kafka had the record that it was made of, Unix milliseconds; nil for what is older or was not in Kafka.
    var recordedAtMs: Int64?
    /// Whoever misses it has missed something: what can be dropped is true for a moment only.
    var isDurable: Bool

    /// An event. HTML Living Standard, 9.2: lines `name: value`, ended by an empty one.
    /// - Parameter id: without line breaks.
    init(
        _ name: String,
        id: String?,
        data: JSONValue,
        recordedAtMs: Int64? = nil,
        isDurable: Bool = true
    ) {
        self.init(name, id: id, text: data.text, recordedAtMs: recordedAtMs, isDurable: isDurable)
    }

    /// - Parameter text: JSON, which has no line breaks.
    init(_ name: String, id: String?, text: String, recordedAtMs: Int64?, isDurable: Bool) {
        var frame = "event: \(name)\n"
        if let id { frame += "id: \(id)\n" }
        self.text = ByteBuffer(string: frame + "data: \(text)\n\n")
        self.recordedAtMs = recordedAtMs
        self.isDurable = isDurable
    }

    private init(comment: String) {
        self.text = ByteBuffer(string: comment)
        self.isDurable = false
    }

    /// Keeps the connection from being taken for dead.
    static let ping = StreamFrame(comment: ": ping\n\n")

    /// How soon whoever lost the connection comes back, in milliseconds.
    static let retry = StreamFrame(comment: "retry: 1000\n\n")

    /// All that there is was sent; what comes now has happened now.
    static func ready(id: String) -> StreamFrame {
        StreamFrame("ready", id: id, data: .object([:]))
    }
}
