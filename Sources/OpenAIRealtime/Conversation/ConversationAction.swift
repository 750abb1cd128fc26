package import CallEvents
package import NIOCore

/// What the owner of a `Conversation` does for it, in order.
package enum ConversationAction: Equatable, Sendable {
    case send(ModelCommand)
    /// 20 ms for the model; `receivedAtUs` is when they reached us from the phone.
    case append(ByteBuffer, receivedAtUs: Int64)
    /// To topic events: must not be lost.
    case publish(CallEvent)
    /// To the phone, in order.
    case play(AudioFrame)
    /// Straight to the phone's ingress, in front of everything.
    case clear(AudioFrame)
    /// Likewise: the model listens.
    case alive(AudioFrame)
    /// To topic live: may be lost.
    case show(LiveUpdate)
    case schedule(ConversationTimer, after: Duration)
    /// Open a session of the model, instead of the present one if there is one.
    case connect
    /// Open another one beside the present one, which goes on.
    case connectStandby
    /// To the one that stands by.
    case sendStandby(ModelCommand)
    /// The one that stands by is the present one from now on; the old one is closed.
    case useStandby
    /// The one that stands by is not wanted.
    case dropStandby
    case drop(FrameDrop)
    /// The conversation is over: close the model's session; nothing follows.
    case end
}

package enum ConversationTimer: Hashable, Sendable {
    /// A failed response is tried again.
    case retryResponse
    /// The model should have answered a restored turn by now.
    case expectAnswer
    /// The model's session of this id is so old that another one is to take its place.
    case renewSession(String)
    /// The tool call of this id should have an output by now.
    case toolTimeout(String)
}

/// Why inbound audio did not reach the model.
package enum FrameDrop: String, Sendable, CaseIterable {
    /// Seen before: deliveries are at least once.
    case repeated
    /// Of a stream that another one has replaced.
    case oldStream
    /// The agent had answered it before this session took over.
    case answered
    /// More came than is kept while the model is away.
    case overflow
    /// Not 20 ms in the call's codec.
    case unreadable
    /// The agent has said its last word.
    case ended
}
