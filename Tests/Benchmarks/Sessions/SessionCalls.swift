import Agents
import Audio
import CallEvents
import CallFlow
import Foundation
import Kafka
import Logging
import NIOCore
import Speech
import StageRuntime
import SwiftProtobuf
import Synchronization

/// Everybody around realtime-session but the model: the phones, whose callers say something every now and then and
/// hear the agent in real time, and the coordinator, which starts and ends calls and answers tools.
final class SessionCalls: Sendable {
    private struct State {
        var calls: [SessionCall?]
        var places: [ByteBuffer: Int] = [:]
        /// Of calls that are over, in each place.
        var spoken: [Int]
        var said: [Int]
        var connections = 0
        var turns = 0
        var tools = 0
        var begun = 0
    }

    /// The caller says something so often.
    private static let cycle = 12 * StreamLoad.framesPerSecond
    /// Before the first words of a call, and at its end.
    private static let pause = 2 * StreamLoad.framesPerSecond
    /// Frames are produced together, as twilio-ingress does.
    private static let gathering: UInt64 = 5_000_000

    /// Who speaks in every call.
    private let agent: AgentSession
    private let load: StreamLoad
    private let callSeconds: Int
    private let codec: AudioFrame.Codec
    private let run = UInt32.random(in: 1 ..< .max)
    private let topics: TopicNames
    private let audio: KafkaProducer
    private let commands: KafkaProducer
    private let listener: FrameListener
    /// What a caller says in turn, in frames.
    private let utterances: [[ByteBuffer]]
    private let silence: ByteBuffer
    private let state: Mutex<State>
    let inbound: FrameLedger
    let outbound: FrameLedger

    /// - Parameters:
    ///   - load: its streams are places; each has one call after the other.
    ///   - callSeconds: how long a call lasts.
    init(
        _ load: StreamLoad,
        callSeconds: Int,
        codec: AudioFrame.Codec,
        topics: TopicNames,
        kafka: KafkaConfiguration,
        logger: Logger
    ) throws {
        self.load = load
        self.callSeconds = callSeconds
        self.codec = codec
        self.topics = topics
        self.agent = try AgentBook.builtIn().plan(for: CallState(), atUs: UnixTime.nowUs).agent
        self.audio = try KafkaProducer(.audio, configuration: kafka, logger: logger)
        self.commands = try KafkaProducer(.events, configuration: kafka, logger: logger)
        self.listener = FrameListener(
            [topics[.audioOutboundModel], topics[.audioOutboundPhone], topics[.events]],
            partitions: topics.partitions,
            producer: self.audio,
            kafka: kafka,
            logger: logger
        )
        self.utterances = try ["price", "greeting"].map { name in
            guard let utterance = Speech.utterance(name) else {
                throw StreamsError(description: "no recording \(name)")
            }
            return Self.frames(of: utterance.mulaw, codec)
        }
        self.silence = ByteBuffer(repeating: codec == .pcmu ? 0xff : 0, count: codec.frameBytes)
        let none = Array(repeating: 0, count: load.streams)
        self.state = Mutex(State(calls: none.map { _ in nil }, spoken: none, said: none))
        self.inbound = FrameLedger(load, run: self.run)
        var all = load
        all.seconds += all.warmUpSeconds
        all.warmUpSeconds = 0
        self.outbound = FrameLedger(all, run: self.run)
    }

    /// As the transcoder or, on passthrough, the phone's ingress sends it.
    private static func frames(of mulaw: [UInt8], _ codec: AudioFrame.Codec) -> [ByteBuffer] {
        var converter = MulawToPCM24k()
        return stride(from: 0, to: mulaw.count, by: AudioFrame.Codec.pcmu.frameBytes).map { start in
            let frame = ByteBuffer(bytes: mulaw[start..<start + AudioFrame.Codec.pcmu.frameBytes])
            guard codec == .pcm24k else { return frame }
            var converted = ByteBuffer()
            converter.convert(frame, into: &converted)
            return converted
        }
    }

    struct Counts: Sendable {
        /// To the model.
        var connections = 0
        var calls = 0
        var turns = 0
        var tools = 0
    }

    var counts: Counts {
        self.state.withLock { state in
            Counts(connections: state.connections, calls: state.begun, turns: state.turns, tools: state.tools)
        }
    }

    /// Hears what the session writes while `body` runs.
    func whileListening<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await self.listener.whileListening({ self.heard($0, $1) }, body)
    }

    private func heard(_ frame: AudioFrame?, _ record: KafkaRecord) {
        guard record.topic != self.topics[.events] else {
            if let value = record.value, let event = try? CallEvent(serializedBytes: Array(value.readableBytesView)) {
                self.happened(event)
            }
            return
        }
        guard let frame, let key = record.key else { return self.outbound.arrived(nil) }
        let now = Clock.nanoseconds
        let tag = self.change(key) { place, call -> FrameTag? in
            call.heard(frame, at: now)
            guard !frame.control.isUnnumbered, let saidAt = call.saidAt(frame.sequence) else { return nil }
            let number = call.firstOutbound + Int(frame.sequence)
            return FrameTag(run: self.run, stream: place, number: number, sentAt: saidAt)
        }
        if !frame.control.isUnnumbered { self.outbound.arrived(tag ?? nil) }
    }

    private func change<Result>(_ key: ByteBuffer, _ body: (Int, inout SessionCall) -> Result) -> Result? {
        self.state.withLock { state in
            guard let place = state.places[key], var call = state.calls[place] else { return nil }
            state.calls[place] = nil
            defer { state.calls[place] = call }
            return body(place, &call)
        }
    }

    private func change<Result>(_ place: Int, _ body: (inout SessionCall) -> Result) -> Result? {
        self.state.withLock { state in
            guard var call = state.calls[place] else { return nil }
            state.calls[place] = nil
            defer { state.calls[place] = call }
            return body(&call)
        }
    }

    // MARK: The coordinator

    private func happened(_ event: CallEvent) {
        switch event.body {
        case .turnMeasured: self.state.withLock { $0.turns += 1 }
        case .toolRequested(let request):
            self.state.withLock { $0.tools += 1 }
            self.command(event.callSid, "tool/\(request.call.toolCallID)") {
                $0.toolResult.toolCallID = request.call.toolCallID
                $0.toolResult.output = #"{"recorded":true}"#
            }
        default: break
        }
    }

    private func command(_ callSid: String, _ id: String, _ body: (inout CallCommand) -> Void) {
        var command = CallCommand()
        command.commandID = "\(id)/\(callSid)"
        command.callSid = callSid
        body(&command)
        guard let value = try? command.serializedBytes() as [UInt8] else { return }
        let key = ByteBuffer(string: callSid)
        _ = try? self.commands.send(
            KafkaMessage(topic: self.topics[.commands], key: key, value: ByteBuffer(bytes: value))
        )
    }

    private func begin(in place: Int) {
        let call = self.state.withLock { state in
            state.begun += 1
            let callSid = self.load.callSid(Int(self.run) << 24 | state.begun)
            let call = SessionCall(
                callSid: callSid,
                codec: self.codec,
                firstInbound: state.spoken[place],
                firstOutbound: state.said[place]
            )
            state.calls[place] = call
            state.places[ByteBuffer(string: callSid)] = place
            return call
        }
        self.command(call.callSid, "start") {
            $0.startSession.agent = self.agent
            $0.startSession.audioPath = self.codec == .pcmu ? .passthrough : .pcm24K
            $0.startSession.safetyIdentifier = "\(place)"
        }
    }

    private func end(in place: Int) {
        let call = self.state.withLock { state -> SessionCall? in
            guard let call = state.calls[place] else { return nil }
            state.places[ByteBuffer(string: call.callSid)] = nil
            state.calls[place] = nil
            state.spoken[place] += call.spoken
            state.said[place] += call.saidCount
            return call
        }
        guard let call else { return }
        self.command(call.callSid, "end") { $0.endSession.reason = "hung_up" }
    }

    /// All calls are over.
    func end() {
        for place in 0..<self.load.streams { self.end(in: place) }
    }

    /// Audio after a long silence in each partition: the stage of the next run begins there, and does not hear the end of
    /// this one, as it would so soon after.
    func leave() async throws {
        try await Task.sleep(for: .seconds(16))
        var value = ByteBuffer()
        AudioFrame(codec: self.codec, payload: self.silence, receivedAtUs: UnixTime.nowUs).write(to: &value)
        for partition in 0..<self.topics.partitions {
            let key = ByteBuffer(string: "nobody")
            let topic = self.topics[.audioInboundModel]
            _ = try self.audio.send(KafkaMessage(topic: topic, partition: partition, key: key, value: value))
        }
        // Offsets are committed every second.
        try await Task.sleep(for: .seconds(2))
    }

    // MARK: The phones

    /// Produces every frame when it is due, on a thread of its own.
    /// - Parameter start: of `Clock.nanoseconds`.
    /// - Returns: how late they were produced: what the machine could not do in time.
    func speak(from start: UInt64) async throws -> Latencies {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.produce(from: start) })
            }
        }
    }

    private func produce(from start: UInt64) throws -> Latencies {
        var lateness = Latencies()
        for index in 0..<self.load.frames * self.load.streams {
            let (frame, place) = index.quotientAndRemainder(dividingBy: self.load.streams)
            let due = (StreamLoad.due(index, streams: self.load.streams) / Self.gathering + 1) * Self.gathering + start
            Clock.sleep(until: due)
            guard let (number, isNew) = self.life(place, frame) else { continue }
            if isNew {
                self.end(in: place)
                self.begin(in: place)
            }
            try self.speak(place, number, due: due, &lateness)
        }
        return lateness
    }

    /// - Returns: the frame's number in the call, and whether that begins; nil when there is none, or it is ending.
    private func life(_ place: Int, _ frame: Int) -> (number: Int, isNew: Bool)? {
        // Calls begin one after the other, and the first of each place lasts longer, so that they also end so.
        let callFrames = self.callSeconds * StreamLoad.framesPerSecond
        let firstEnd = callFrames + callFrames * place / self.load.streams
        let age = frame - place
        guard age >= 0 else { return nil }
        let number = age < firstEnd ? age : (age - firstEnd) % callFrames
        let remaining = min(age < firstEnd ? firstEnd - age : callFrames - number, self.load.frames - frame)
        // What is said now may not come to the model before the end.
        return number == 0 || remaining > Self.pause / 2 ? (number, number == 0) : nil
    }

    private func speak(_ place: Int, _ number: Int, due: UInt64, _ lateness: inout Latencies) throws {
        let now = Clock.nanoseconds
        lateness.add(from: due, to: now)
        let spoken = self.change(place) { call in
            (call.callSid, call.firstInbound, call.spoke(at: now), call.playout(at: now))
        }
        guard let (callSid, _, sequence, playout) = spoken else { return }
        let frame = AudioFrame(
            codec: self.codec,
            payload: self.payload(place, number),
            streamEpoch: 1,
            sequence: UInt64(sequence),
            outboundPartition: Int32(place % 2) % self.topics.partitions,
            receivedAtUs: UnixTime.nowUs,
            timestampMs: UInt32(sequence * 20),
            playout: playout
        )
        self.inbound.sent(of: place)
        var value = ByteBuffer()
        frame.write(to: &value)
        _ = try self.audio.send(
            KafkaMessage(topic: self.topics[.audioInboundModel], key: ByteBuffer(string: callSid), value: value)
        )
    }

    private func payload(_ place: Int, _ number: Int) -> ByteBuffer {
        let position = number + place * 37
        let (turn, frame) = position.quotientAndRemainder(dividingBy: Self.cycle)
        let utterance = self.utterances[turn % self.utterances.count]
        guard number - frame >= Self.pause, frame < utterance.count else { return self.silence }
        return utterance[frame]
    }
}

extension SessionCalls: ModelRelay.Observer {
    func opened(_ safetyIdentifier: String) -> Int? {
        self.state.withLock { $0.connections += 1 }
        return Int(safetyIdentifier).flatMap { $0 < self.load.streams ? $0 : nil }
    }

    func appended(_ place: Int, bytes: Int, at now: UInt64) {
        let given = self.change(place) { call in (call.firstInbound, call.given(bytes: bytes)) }
        guard let (first, frames) = given else { return }
        for frame in frames {
            self.inbound.arrived(
                frame.map { FrameTag(run: self.run, stream: place, number: first + $0.number, sentAt: $0.sentAt) }
            )
        }
    }

    func audio(_ place: Int, bytes: Int, at now: UInt64) {
        self.said(self.change(place) { $0.says(bytes: bytes, at: now) }, place)
    }

    func audioDone(_ place: Int, at now: UInt64) {
        self.said(self.change(place) { $0.saidItem(at: now) }, place)
    }

    private func said(_ frames: Int?, _ place: Int) {
        for _ in 0..<(frames ?? 0) { self.outbound.sent(of: place) }
    }
}
