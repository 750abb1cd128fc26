import CallEvents
import CoreMetrics
import Kafka
import Logging
import NIOCore
import StageRuntime
import TwilioMedia
import WebSockets

/// Serves Media Streams: checks whose each is, then moves audio between its socket and Kafka until it ends.
struct MediaStreamServer: Sendable {
    /// How long a socket may take until its `start`.
    private static let startTimeout = Duration.seconds(10)
    static let tokenParameter = "token"

    let instanceID: String
    let outboundPartition: Int32
    /// Where caller audio goes: to the transcoder, or straight to the session.
    let inboundTopic: String
    let tokens: StreamToken.Authority
    let registry: StreamRegistry
    let audio: KafkaProducer
    let events: EventWriter
    let calls: TwilioCalls
    let claims: Claims
    /// How long nothing at all may arrive on a socket.
    let silence: Duration
    let metrics: IngressMetrics
    let logger: Logger

    /// Returns when the socket has ended, the events of that are written, and a hang-up that was asked for is done.
    func serve(_ socket: WebSocket) async {
        let (started, start) = AsyncStream<Void>.makeStream()
        await withDiscardingTaskGroup { group in
            group.addTask {
                if await started.first(within: Self.startTimeout) == .timedOut { await Self.refuse(socket, "no start") }
            }
            var messages = socket.inbound.makeAsyncIterator()
            var budget = MessageBudget(nowUs: UnixTime.nowUs)
            let stream = await self.accept(socket, &messages, &budget)
            start.finish()
            guard let stream else { return }

            let session = MediaStreamSession(stream: stream, socket: socket, server: self)
            group.addTask { await session.tell() }
            group.addTask { await session.hangUpWhenPlayed() }
            group.addTask { await session.watch() }
            let end = await session.read(&messages, &budget)
            self.registry.remove(stream)
            stream.end(end)
            // Whatever ended it, a peer that reads no more must not hold it.
            try? await socket.close(code: 1000, reason: "")
        }
    }

    /// Waits for `start` and checks its token.
    /// - Returns: nil when the socket is not a stream of ours; it is then closed.
    private func accept(
        _ socket: WebSocket,
        _ messages: inout sending WebSocket.Inbound.AsyncIterator,
        _ budget: inout MessageBudget
    ) async -> MediaStream? {
        do {
            while let message = try await messages.next() {
                guard case .text(let text) = message else { return await Self.refuse(socket, "binary message") }
                guard budget.takes(text.readableBytes, nowUs: UnixTime.nowUs) else {
                    self.metrics.streamsFlooded.increment()
                    return await Self.refuse(socket, "too many messages")
                }
                switch try MediaStreamEvent(parsing: text) {
                case .connected, .other:
                    continue
                case .start(let start):
                    return await self.accept(start, socket)
                case .media, .dtmf, .mark, .stop:
                    return await Self.refuse(socket, "no start")
                }
            }
        } catch is MediaMessageError {
            return await Self.refuse(socket, "not a Media Streams message")
        } catch {
            self.logger.debug("A socket broke before its start", metadata: [LogKey.error: "\(error)"])
        }
        return nil
    }

    private func accept(_ start: MediaStreamEvent.Start, _ socket: WebSocket) async -> MediaStream? {
        let now = UnixTime.nowSeconds
        guard let text = start.customParameters[Self.tokenParameter], let token = self.tokens.verify(text, now: now),
            token.callSid == start.callSid, self.registry.use(token, now: now)
        else {
            self.logger.warning(
                "A stream without a valid token was refused",
                metadata: [LogKey.callSid: "\(start.callSid)"]
            )
            return await Self.refuse(socket, "token")
        }
        let stream = self.stream(of: start, epoch: token.streamEpoch, socket)
        guard self.registry.add(stream) else { return await Self.refuse(socket, "a later stream is connected") }
        return stream
    }

    private func stream(of start: MediaStreamEvent.Start, epoch: UInt32, _ socket: WebSocket) -> MediaStream {
        let feed = socket.feed(limit: MediaStream.bytesInFlight)
        let producer = self.audio
        let topic = self.inboundTopic
        let key = ByteBuffer(string: start.callSid.rawValue)
        return MediaStream(
            callSid: start.callSid,
            streamSid: start.streamSid,
            streamEpoch: epoch,
            outboundPartition: self.outboundPartition,
            nowUs: UnixTime.nowUs,
            link: .init(
                wake: { feed.wake($0) },
                end: { socket.abort() },
                lastHeard: { socket.lastHeard }
            ),
            metrics: self.metrics
        ) { value in
            do {
                let message = KafkaMessage(topic: topic, key: key, value: value)
                return try producer.send(message) == .queueFull ? .queueFull : nil
            } catch {
                // The producer itself ends the stage.
                return .refused
            }
        }
    }

    /// 1008: policy violation.
    @discardableResult
    static func refuse(_ socket: WebSocket, _ reason: String) async -> MediaStream? {
        // A peer that is gone needs no reason.
        try? await socket.close(code: 1008, reason: reason)
        return nil
    }
}

/// What waiting for a signal came to.
enum SignalOutcome {
    case signalled
    /// There will be no signal.
    case ended
    case timedOut
}

extension AsyncStream<Void> {
    /// Waits for the first element, the end, or `limit`.
    func first(within limit: Duration) async -> SignalOutcome {
        await withTaskGroup(of: SignalOutcome.self) { group in
            group.addTask {
                for await _ in self { return .signalled }
                return .ended
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .timedOut
            }
            let first = await group.next() ?? .ended
            group.cancelAll()
            return first
        }
    }
}
