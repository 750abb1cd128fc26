package import CallEvents
import CallFlow
import Kafka
package import Logging
import NIOCore
package import StageRuntime

/// Rebuilds the recording of a call from the topics: the caller on the left, what was played of the agent on the right.
///
/// It reads the call's partitions side by side and writes as it reads; what it holds does not grow with the call.
package final class CallRecorder {
    package struct Request: Sendable {
        package var callSid: CallSid
        /// Path of the WAV file; what is there is overwritten.
        package var output: String
        /// How far back to look for a call that the events do not know; nil for as far as audio is kept.
        package var since: Duration?
        /// Go on until the call is over.
        package var follows: Bool

        package init(callSid: CallSid, output: String, since: Duration? = nil, follows: Bool = false) {
            self.callSid = callSid
            self.output = output
            self.since = since
            self.follows = follows
        }
    }

    /// There is nothing to make a recording of.
    package struct NotFound: Error, CustomStringConvertible {
        package var description: String
    }

    /// Clocks of hosts differ, and records come after what they tell of.
    private static let clockSlackMs: Int64 = 60_000
    /// How much younger than the caller's frame a record may be that was played with it.
    private static let lookAheadMs: Int64 = 10_000
    private static let followInterval = Duration.seconds(1)
    private static let timeout = Duration.seconds(20)

    private let request: Request
    private let broker: BrokerConfiguration
    private let logger: Logger
    private let report: (String) -> Void
    private let admin: KafkaAdmin
    private let key: ByteBuffer
    private let output: RecordingOutput

    private var outline = CallOutline()
    private var axis = CallAxis()
    private var mixer = CallMixer()
    /// Where reading goes on.
    private var nextOffsets: [KafkaTopicPartition: Int64] = [:]
    /// Those of the pass that is under way.
    private var readers: [KafkaTopicPartition: CallRecords] = [:]
    private var unreadable = 0

    /// - Parameter report: is told what people may want to know meanwhile.
    package init(
        _ request: Request,
        broker: BrokerConfiguration,
        logger: Logger,
        report: @escaping (String) -> Void
    ) {
        self.request = request
        self.broker = broker
        self.logger = logger
        self.report = report
        self.admin = KafkaAdmin(configuration: broker.kafka, logger: logger)
        self.key = ByteBuffer(string: request.callSid.rawValue)
        self.output = RecordingOutput(path: request.output, report: report)
    }

    /// - Returns: what was made, in a sentence.
    /// - Throws: `NotFound`, `KafkaError`, `StereoWAVFile.Failure`.
    package func run() async throws -> String {
        while true {
            try await self.readEvents()
            let isOver = self.outline.endedAtUs != nil
            if self.request.follows, !self.outline.isKnown { throw try await self.notFound() }
            try await self.readAudio()
            if isOver || !self.request.follows { break }
            try await Task.sleep(for: Self.followInterval)
        }
        for frame in self.axis.finish() { try await self.mix(frame) }
        self.endPass()
        try self.mixer.finish(self.output.write)
        guard self.axis.streams > 0 else { throw try await self.notFound() }
        return self.summary
    }

    // MARK: - Reading

    /// Each pass ends at what is the topics' end when it begins.
    private func readEvents() async throws {
        let partition = self.partition(of: .events)
        let records = try await self.records(partition, sinceMs: self.request.since.map(Self.ago), readCommitted: true)
        while let record = try await records.peek(notAfterMs: nil) {
            if let event = try? CallEvent(key: record.key, value: record.value) { self.outline.apply(event) }
            records.advance()
        }
        self.endPass()
    }

    /// Reads the caller's side to its end, and of the agent's what was played by then.
    private func readAudio() async throws {
        let sinceMs = self.outline.firstStreamAtUs.map { $0 / 1_000 - Self.clockSlackMs }
        let endMs = self.outline.endedAtUs.map { $0 / 1_000 + Self.clockSlackMs }
        for topic in self.outline.callerTopics {
            let records = try await self.records(
                self.partition(of: topic),
                sinceMs: sinceMs ?? self.request.since.map(Self.ago)
            )
            while let record = try await records.peek(notAfterMs: endMs) {
                records.advance()
                guard let frame = self.frame(record) else { continue }
                for placed in self.axis.received(frame) { try await self.mix(placed) }
            }
            if self.axis.streams > 0 { break }
        }
        self.endPass()
    }

    private func mix(_ frame: CallAxis.Frame) async throws {
        self.mixer.received(frame)
        if self.mixer.lacksAudio, (0..<self.broker.topics.partitions).contains(frame.outboundPartition) {
            try await self.readAgent(for: frame)
        }
        try self.mixer.settle(self.output.write)
    }

    /// Reads on at the agent's side until what was played by the caller's frame is there, or cannot come any more.
    private func readAgent(for frame: CallAxis.Frame) async throws {
        let receivedAtMs = frame.receivedAtUs / 1_000
        let records = try await self.records(
            KafkaTopicPartition(
                topic: self.broker.topics[.audioOutboundPhone],
                partition: frame.outboundPartition
            ),
            sinceMs: receivedAtMs - Self.clockSlackMs
        )
        let limitMs = receivedAtMs + Self.lookAheadMs
        while self.mixer.lacksAudio, let record = try await records.peek(notAfterMs: limitMs) {
            if let agent = self.frame(record) {
                // What is for a later stream waits for it.
                if agent.streamEpoch > frame.streamEpoch { break }
                self.mixer.received(agent: agent)
            }
            records.advance()
        }
    }

    private func frame(_ record: KafkaRecord) -> AudioFrame? {
        if let value = record.value, let frame = try? AudioFrame(record: value) { return frame }
        self.unreadable += 1
        return nil
    }

    private func partition(of topic: Topic) -> KafkaTopicPartition {
        KafkaTopicPartition(
            topic: self.broker.topics[topic],
            partition: KeyPartition.of(self.request.callSid.rawValue, count: self.broker.topics.partitions)
        )
    }

    /// The call's records of a partition, from where the pass before ended.
    /// - Parameter sinceMs: where the first pass begins, Unix milliseconds; nil for the partition's beginning.
    private func records(
        _ partition: KafkaTopicPartition,
        sinceMs: Int64?,
        readCommitted: Bool = false
    ) async throws -> CallRecords {
        if let records = self.readers[partition] { return records }
        var offset = self.nextOffsets[partition]
        if offset == nil, let sinceMs {
            offset = try await self.admin.offset(of: partition, atMs: max(0, sinceMs), timeout: Self.timeout)
        }
        if offset == nil {
            offset = try await self.admin.watermarks(of: partition, timeout: Self.timeout).lowerBound
        }
        let records = try CallRecords(
            partition,
            from: offset ?? 0,
            key: self.key,
            readCommitted: readCommitted,
            configuration: self.broker.kafka,
            logger: self.logger
        )
        self.readers[partition] = records
        return records
    }

    private func endPass() {
        for (partition, records) in self.readers { self.nextOffsets[partition] = records.nextOffset }
        self.readers = [:]
    }

    private static func ago(_ duration: Duration) -> Int64 {
        UnixTime.nowUs / 1_000 - duration.components.seconds * 1_000
    }

    // MARK: - What to say

    private var summary: String {
        var notes = ["\(self.axis.streams) \(self.axis.streams == 1 ? "stream" : "streams")"]
        if self.outline.endedAtUs == nil { notes.append("the call was not known to be over: --follow goes on with it") }
        if self.axis.beginsLate { notes.append("its beginning is not kept any more") }
        if self.mixer.framesWithoutAgent > 0 {
            notes.append("\(self.mixer.framesWithoutAgent * 20) ms of the agent are missing from the topic")
        }
        let ignored = self.unreadable + self.axis.unplaceable
        if ignored > 0 { notes.append("\(ignored) frames were of no use") }
        let length = RecordingOutput.clock(self.output.writtenMs)
        return "\(self.request.output): \(length) (\(notes.joined(separator: "; ")))"
    }

    private func notFound() async throws -> NotFound {
        var topics: [String] = []
        for topic in self.outline.callerTopics {
            let partition = self.partition(of: topic)
            let since = try await self.beginning(of: partition)
            topics.append("\(partition) (\(since.map { "begins at \($0)" } ?? "empty"))")
        }
        let what = self.outline.isKnown ? "the events know call" : "neither events nor audio are there of call"
        return NotFound(
            description: """
                \(what) \(self.request.callSid)\(self.outline.isKnown ? ", but its audio is not" : "; looked") in \
                \(topics.joined(separator: ", ")). Audio is kept for VOICE_RECORDING_HOURS with VOICE_RECORDING=on, \
                otherwise for minutes.
                """
        )
    }

    /// The time of a partition's oldest record.
    private func beginning(of partition: KafkaTopicPartition) async throws -> String? {
        let reader = try KafkaPartitionReader(
            partition,
            from: .edge(.beginning),
            follow: false,
            readCommitted: false,
            configuration: self.broker.kafka,
            logger: self.logger
        )
        for try await batch in reader {
            guard let record = batch.first, record.timestampMs >= 0 else { continue }
            return Timestamp.rfc3339(us: record.timestampMs * 1_000)
        }
        return nil
    }
}
