import CallEvents
import Metrics
import NIOCore
import Testing
import TwilioMedia

@testable import TwilioIngress

/// What waits for a socket, and which stream is the one of its call.
@Suite(.timeLimit(.minutes(1))) struct MediaStreamQueueTests {
    private let callSid = CallSid.random()

    private func stream(epoch: UInt32 = 1) -> MediaStream {
        MediaStream(callSid: self.callSid, streamSid: PhoneLine.streamSid, streamEpoch: epoch)
    }

    @Test func `messages come out in order, as many as asked for`() {
        let stream = self.stream()
        var speech = SpeechMaker()
        for frame in speech.audio("a", ms: 200) { #expect(stream.offer(frame, nowUs: 0) == .queued) }
        #expect(stream.take(5).count == 5)
        let rest = stream.take(100)
        #expect(rest.map(\.command).filter { if case .mark = $0 { true } else { false } }.count == 2)
        #expect(rest.count == 7)
        #expect(stream.take(100).isEmpty)
    }

    @Test func `a clear overtakes what waits`() {
        let stream = self.stream()
        var speech = SpeechMaker()
        for frame in speech.audio("a", ms: 400) { _ = stream.offer(frame, nowUs: 0) }
        speech.playout = 1
        _ = stream.offer(speech.frame(.clear), nowUs: 0)
        for frame in speech.audio("b", ms: 20) { _ = stream.offer(frame, nowUs: 0) }
        let waiting = stream.take(100).map(\.command)
        #expect(waiting == [.clear, .media(payload: ByteBuffer(repeating: 7, count: 160))])
    }

    @Test func `a socket that takes nothing for two minutes of audio overflows`() {
        let stream = self.stream()
        var speech = SpeechMaker()
        let outcomes = speech.audio("a", ms: 121_000).map { stream.offer($0, nowUs: 0) }
        #expect(outcomes.first == .queued)
        #expect(outcomes.last == .overflow)
        #expect(stream.take(.max).count <= MediaStream.capacity + 1)
    }

    @Test func `a hang-up is asked for once, however often the frame comes`() async {
        let stream = self.stream()
        var speech = SpeechMaker()
        for frame in speech.audio("a", ms: 200) + [speech.frame(.hangUp), speech.frame(.hangUp)] {
            _ = stream.offer(frame, nowUs: 0)
        }
        stream.end(isInterrupted: true)
        var limits: [Duration] = []
        for await limit in stream.hangUpRequests { limits.append(limit) }
        #expect(limits == [.milliseconds(5_200)])
    }

    @Test func `the stream of a call is the latest, and a token is used once`() {
        let registry = StreamRegistry(active: Gauge(label: "test"))
        let key = ByteBuffer(string: self.callSid.rawValue)
        let (first, second) = (self.stream(epoch: 1), self.stream(epoch: 2))
        let end: @Sendable () -> Void = {}
        let added = [first, second, self.stream(epoch: 2), self.stream(epoch: 1)].map { registry.add($0, end: end) }
        #expect(added == [true, true, false, false])
        registry.remove(first)
        #expect(registry[key] === second)
        registry.remove(second)
        #expect(registry[key] == nil)

        let token = StreamToken(callSid: self.callSid, streamEpoch: 2, expiresAt: 100)
        #expect(registry.use(token, now: 40))
        #expect(!registry.use(token, now: 50))
        #expect(!registry.use(StreamToken(callSid: self.callSid, streamEpoch: 1, expiresAt: 100), now: 50))
        #expect(registry.use(StreamToken(callSid: self.callSid, streamEpoch: 3, expiresAt: 100), now: 50))
    }
}
