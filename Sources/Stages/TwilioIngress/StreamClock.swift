import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf

/// The clock of all streams: has each make silence when no audio comes and a tone when no session does, tells `live` how
/// loud both ends are, and notices sockets on which nothing arrives any more. One for all, because a task of its own
/// would wake each stream fifty times a second.
struct StreamClock: Service {
    private static let tick = Duration.milliseconds(20)
    /// Ticks between the levels of a stream: 5 Hz.
    private static let levelTicks = 10
    /// Ticks between two looks at whether a session is there.
    private static let comfortTicks = 5
    /// Ticks between two looks at how long a socket has been silent.
    private static let silenceTicks = 25
    /// Behind by more, it does not run after.
    private static let maxLag = Duration.seconds(1)

    let registry: StreamRegistry
    let live: KafkaProducer
    let topic: String
    /// How long nothing at all may arrive on a socket.
    let silence: Duration
    let hasComfortTone: Bool
    let logger: Logger

    func run() async throws {
        // Cancellation and shutdown mean the same here.
        try? await cancelWhenGracefulShutdown {
            var next = ContinuousClock.now
            for tick in 0... {
                next = max(next + Self.tick, .now - Self.maxLag)
                try await Task.sleep(until: next)
                self.advance(tick)
            }
        }
    }

    private func advance(_ tick: Int) {
        let nowUs = UnixTime.nowUs
        // All streams in the same tick: their records share the requests to the broker.
        let isTimeForLevels = tick % Self.levelTicks == 0
        let isTimeForComfort = self.hasComfortTone && tick % Self.comfortTicks == 0
        let isTimeForSilence = tick % Self.silenceTicks == 0
        for stream in self.registry.streams.values {
            stream.waited(nowUs: nowUs)
            if isTimeForLevels { self.publishLevels(of: stream, nowUs: nowUs) }
            if isTimeForComfort { stream.comfort(nowUs: nowUs) }
            if isTimeForSilence { self.checkSilence(of: stream) }
        }
    }

    private func publishLevels(of stream: MediaStream, nowUs: Int64) {
        let levels = stream.levels(nowUs: nowUs)
        var update = LiveUpdate()
        update.callSid = stream.callSid.rawValue
        update.atUs = nowUs
        update.levels.inboundDbfs = levels.inbound
        update.levels.outboundDbfs = levels.outbound
        do {
            let value: [UInt8] = try update.serializedBytes()
            // For eyes only: dropped when the queue is full, and nobody waits for it.
            _ = try self.live.send(KafkaMessage(topic: self.topic, key: stream.key, value: ByteBuffer(bytes: value)))
        } catch {
            // The producer's own end stops the stage.
            self.logger.debug("Levels were not sent", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func checkSilence(of stream: MediaStream) {
        let silentFor = ContinuousClock.now - stream.link.lastHeard()
        if silentFor >= self.silence {
            stream.isSilent(.dead)
        } else if silentFor >= self.silence / 4 {
            stream.isSilent(.suspicious)
        }
    }
}
