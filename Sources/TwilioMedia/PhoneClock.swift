/// Time as it passes at the phone, told by the timestamps of the caller's audio.
///
/// Twilio plays the agent while it sends the caller, so what was played at a moment is known as exactly as that moment
/// is: a message's timestamp says when it was sent, however long it lay on the way or waited for a busy process. Our own
/// clock only says when it was read, and runs ahead or behind by as much.
package struct PhoneClock: Sendable {
    /// How far it runs on by itself behind the newest message: the next one is due then.
    private static let messageUs: Int64 = 20_000

    private struct Message {
        var timestampMs: UInt64
        /// On this clock.
        var atUs: Int64
        /// On ours.
        var readAtUs: Int64
    }

    private var newest: Message?

    package init() {}

    /// Audio of the caller was read.
    /// - Parameter timestampMs: of the message, on the stream's clock; nil tells nothing.
    package mutating func heard(timestampMs: UInt64?, nowUs: Int64) {
        guard let timestampMs, timestampMs <= UInt32.max else { return }
        guard let newest else {
            self.newest = Message(timestampMs: timestampMs, atUs: nowUs, readAtUs: nowUs)
            return
        }
        guard timestampMs > newest.timestampMs else { return }
        self.newest = Message(
            timestampMs: timestampMs,
            atUs: newest.atUs + Int64(timestampMs - newest.timestampMs) * 1_000,
            readAtUs: nowUs
        )
    }

    /// The time at the phone when the newest message was sent, or a little later. Without messages for long, ours counts.
    package func time(nowUs: Int64) -> Int64 {
        guard let newest else { return nowUs }
        let elapsed = max(0, nowUs - newest.readAtUs)
        return newest.atUs + (elapsed < InboundFraming.patienceUs ? min(elapsed, Self.messageUs) : elapsed)
    }
}
