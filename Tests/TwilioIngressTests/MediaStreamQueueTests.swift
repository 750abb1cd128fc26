import CallEvents
import Metrics
import NIOCore
import Testing
import TwilioMedia
import WebSockets

@testable import TwilioIngress

/// What waits for a socket, and which stream is the one of its call.
@Suite(.timeLimit(.minutes(1))) struct MediaStreamQueueTests {
    private let callSid = CallSid.random()

    private func stream(epoch: UInt32 = 1) -> MediaStream {
        MediaStream(
            callSid: self.callSid,
            streamSid: PhoneLine.streamSid,
            streamEpoch: epoch,
            nowUs: 0,
            metrics: IngressMetrics()
        )
    }

    private func offer(_ frame: AudioFrame, to stream: MediaStream) throws -> MediaStream.Offered {
        var record = ByteBuffer()
        frame.write(to: &record)
        return try stream.offer(record: record, nowUs: 0)
    }

    @Test func `a socket that takes nothing for two minutes of audio overflows`() throws {
        let stream = self.stream()
        var speech = SpeechMaker()
        let outcomes = try speech.audio("a", ms: 121_000).map { try self.offer($0, to: stream) }
        #expect(outcomes.first == .queued)
        #expect(outcomes.last == .overflow)
    }

    @Test func `a batch is filled as far as it has room`() throws {
        let stream = self.stream()
        var speech = SpeechMaker()
        for frame in speech.audio("a", ms: 2_000) { _ = try self.offer(frame, to: stream) }
        var batch = WebSocket.Batch(limit: 4_096)
        stream.fill(&batch)
        #expect(4_096..<4_600 ~= batch.frames.readableBytes)
        #expect(!batch.hasRoom)
        speech.playout = 1
        #expect(try self.offer(speech.frame(.clear), to: stream) == .queued)
        batch.removeAll()
        stream.fill(&batch)
        let text = #"{"event":"clear","streamSid":"\#(PhoneLine.streamSid)"}"#
        #expect(batch.frames.readableBytes == 2 + text.utf8.count)
        #expect(String(buffer: batch.frames).hasSuffix(text))
    }

    @Test func `a hang-up is asked for once, however often the frame comes`() async throws {
        let stream = self.stream()
        var speech = SpeechMaker()
        for frame in speech.audio("a", ms: 200) + [speech.frame(.hangUp), speech.frame(.hangUp)] {
            _ = try self.offer(frame, to: stream)
        }
        stream.end(.closed)
        var limits: [Duration] = []
        for await limit in stream.hangUpRequests { limits.append(limit) }
        #expect(limits == [.milliseconds(5_200)])
    }

    @Test func `the stream of a call is the latest, and a token is used once`() {
        let registry = StreamRegistry(active: Gauge(label: "test"))
        let key = ByteBuffer(string: self.callSid.rawValue)
        let (first, second) = (self.stream(epoch: 1), self.stream(epoch: 2))
        let added = [first, second, self.stream(epoch: 2), self.stream(epoch: 1)].map { registry.add($0) }
        #expect(added == [true, true, false, false])
        registry.remove(first)
        #expect(registry.streams[key] === second)
        registry.remove(second)
        #expect(registry.streams[key] == nil)

        let token = StreamToken(callSid: self.callSid, streamEpoch: 2, expiresAt: 100)
        #expect(registry.use(token, now: 40))
        #expect(!registry.use(token, now: 50))
        #expect(!registry.use(StreamToken(callSid: self.callSid, streamEpoch: 1, expiresAt: 100), now: 50))
        #expect(registry.use(StreamToken(callSid: self.callSid, streamEpoch: 3, expiresAt: 100), now: 50))
    }
}
