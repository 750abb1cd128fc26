package import NIOCore

/// The wire protocol of a speech-to-speech model: the one place that knows both its messages and what they mean in a
/// conversation. Another protocol is another driver; the conversation, the socket and the stage stay as they are.
///
/// A driver is a value without I/O, made anew for each connection's two directions: what it needs to know of the one it
/// must not need for the other.
package protocol ModelDriver: Sendable {
    /// One text message that gives the model 20 ms of audio in the call's codec. Called 50 times a second for each call.
    func message(appending audio: ByteBuffer) -> ByteBuffer

    /// The text message of a command.
    mutating func message(_ command: ModelCommand) -> ByteBuffer

    /// What a text message of the model's says; `other` when the conversation need not know.
    /// - Throws: `RealtimeMessageError` for what is not a message of the protocol: it is logged, and the session goes on.
    func event(_ message: ByteBuffer) throws(RealtimeMessageError) -> ModelEvent
}
