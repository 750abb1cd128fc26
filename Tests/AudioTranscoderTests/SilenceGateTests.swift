import Audio
import CallEvents
import Kafka
import NIOCore
import SeededRandom
import Speech
import StageRuntime
import Testing

@testable import AudioTranscoder

@Suite(.timeLimit(.minutes(4))) struct `The silence gate` {
    private static let windows = [
        SilenceGateSettings(hangOver: 9, preRoll: 4), SilenceGateSettings(hangOver: 3, preRoll: 10),
        SilenceGateSettings(hangOver: 6, preRoll: 0), SilenceGateSettings(hangOver: 50, preRoll: 1),
    ]

    @Test(arguments: Self.windows)
    func `forwards what lies within its window of a loud frame, bit for bit, and nothing else`(
        settings: SilenceGateSettings
    ) throws {
        for seed: UInt64 in 1...12 {
            let log = GatedLog(seed: seed, calls: 3, steps: 220)
            var reader = GatedLog.Reader()
            _ = try log.run(settings, into: &reader)
            let expected = try log.expected(settings)
            #expect(reader == expected, "seed \(seed)")
            for (call, order) in reader.order { #expect(order == order.sorted(), "call \(call)") }
        }
    }

    @Test(arguments: Self.windows, [0, 4])
    func `killed at any frame, the successor completes the same bytes`(settings: SilenceGateSettings, lag: Int) throws {
        let log = GatedLog(seed: 77, calls: 3, steps: 80)
        let expected = try log.expected(settings)
        for kill in 0...log.records.count {
            var reader = GatedLog.Reader()
            let stored = try log.run(settings, to: kill, lag: lag, losesUnacknowledged: lag > 0, into: &reader)
            #expect(stored <= kill)
            let window = 3 * Int(settings.hangOver + settings.preRoll + 2) + lag
            #expect(stored >= kill - window, "no more is read again than what is needed")
            _ = try log.run(settings, from: stored, into: &reader)
            #expect(reader.values == expected.values, "killed before \(kill), resumed at \(stored)")
            for order in reader.order.values { #expect(order == order.sorted(), "killed before \(kill)") }
        }
    }

    @Test(arguments: Self.windows)
    func `killed again and again, the bytes are the same`(settings: SilenceGateSettings) throws {
        let log = GatedLog(seed: 5, calls: 2, steps: 200)
        var reader = GatedLog.Reader()
        var next = 0
        for end in stride(from: 11, to: log.records.count, by: 11) {
            next = try log.run(settings, from: next, to: end, lag: 3, losesUnacknowledged: true, into: &reader)
        }
        _ = try log.run(settings, from: next, into: &reader)
        let expected = try log.expected(settings)
        #expect(reader.values == expected.values)
    }

    /// The recordings are cut tight: whatever is in them, down to the last breath, is speech. Their words are at
    /// −25 dBFS; a distant line is 12 dB below that.
    @Test(arguments: Speech.all.map(\.name), [Int32(1), 4])
    func `leaves every frame of recorded speech as it is, and keeps back the noise of the line around it`(
        name: String,
        divisor: Int32
    ) throws {
        let speech = try #require(Speech.utterance(name)).mulaw.map { code in
            MuLaw.encode(Int16(Int32(MuLaw.samples[Int(code)]) / divisor))
        }
        var random = SeededGenerator(seed: 3)
        let settings = SilenceGateSettings()
        let noise = (0..<250).map { _ in GatedLog.lineNoise(using: &random) }
        let words = stride(from: 0, to: speech.count, by: 160).map { ByteBuffer(bytes: speech[$0..<$0 + 160]) }
        let first = noise.count
        let isKnownOpen = (first + Int(settings.preRoll))..<(first + words.count)
        var gated = TranscoderState(direction: .inbound, topics: Records.topics, silenceGate: settings)
        var ungated = TranscoderState(direction: .inbound, topics: Records.topics)
        var forwarded: [Int: ByteBuffer] = [:]
        var expected: [Int: ByteBuffer] = [:]
        var silent = 0
        for (index, payload) in (noise + words + noise).enumerated() {
            var frame = Records.inbound(UInt64(index))
            frame.payload = payload
            let record = Records.record(frame, .inbound, offset: Int64(index))
            if case .gated(let result) = gated.receive(record, at: .now) {
                silent += result.silentFrames
                for output in result.outputs { forwarded[Int(output.offset)] = output.message.value }
                if isKnownOpen.contains(index) { #expect(result.outputs.map(\.offset) == [Int64(index)], "delayed") }
            }
            if case .send(let message, _) = ungated.receive(record, at: .now) { expected[index] = message.value }
        }
        for index in (first - 1)..<(first + words.count) {
            #expect(forwarded[index] == expected[index], "frame \(index)")
        }
        #expect(silent >= 2 * noise.count - Int(settings.hangOver + 2 * settings.preRoll) - 1)
    }

    @Test func `while it is closed every fifth frame goes on without audio, with all the rest as it came`() throws {
        var random = SeededGenerator(seed: 9)
        var state = TranscoderState(direction: .inbound, topics: Records.topics, silenceGate: SilenceGateSettings())
        var seen: [AudioFrame] = []
        var silent = 0
        for sequence: UInt64 in 0..<40 {
            var frame = Records.inbound(sequence)
            frame.payload = GatedLog.lineNoise(using: &random)
            let record = Records.record(frame, .inbound, offset: Int64(sequence))
            guard case .gated(let gated) = state.receive(record, at: .now) else { continue }
            silent += gated.silentFrames
            seen += try gated.outputs.map { try AudioFrame(record: #require($0.message.value)) }
        }
        // The stream's first frame passes, because it tells where the phone is; ten frames wait.
        #expect(silent == 29)
        #expect(seen.map(\.sequence) == [0, 5, 10, 15, 20, 25])
        #expect(seen.map(\.payload.readableBytes) == [960, 0, 0, 0, 0, 0])
        var expected = Records.inbound(25)
        expected.codec = .pcm24k
        expected.payload = ByteBuffer()
        #expect(seen.last == expected)
        #expect(seen.count(where: \.isWithheldSilence) == 5)
    }

    @Test func `tells when it opens and closes`() {
        var random = SeededGenerator(seed: 1)
        let settings = SilenceGateSettings(hangOver: 2, preRoll: 2)
        var state = TranscoderState(direction: .inbound, topics: Records.topics, silenceGate: settings)
        var changes: [UInt64: SilenceGateChange] = [:]
        for sequence: UInt64 in 0..<20 {
            var frame = Records.inbound(sequence)
            if ![4, 5, 8, 15].contains(sequence) { frame.payload = GatedLog.lineNoise(using: &random) }
            let record = Records.record(frame, .inbound, offset: Int64(sequence))
            if case .gated(let gated) = state.receive(record, at: .now) { changes[sequence] = gated.change }
        }
        #expect(changes == [4: .open, 11: .closed, 15: .open, 18: .closed])
    }

    @Test func `a silent call keeps its offset back for two seconds, and opens with its pre-roll even later`() throws {
        var random = SeededGenerator(seed: 2)
        var state = TranscoderState(direction: .inbound, topics: Records.topics, silenceGate: SilenceGateSettings())
        let start = ContinuousClock.now
        for sequence: UInt64 in 0..<30 {
            var frame = Records.inbound(sequence)
            frame.payload = GatedLog.lineNoise(using: &random)
            let record = Records.record(frame, .inbound, offset: 100 + Int64(sequence))
            guard case .gated(let gated) = state.receive(record, at: start) else { continue }
            for output in gated.outputs { state.finished(output.offset) }
        }
        // Frames 20 to 29 wait; 19 is what the first of them continues.
        #expect(state.storableOffset(at: start) == 119)
        #expect(state.storableOffset(at: start + TranscoderState.defaultHold) == 119)
        let later = start + TranscoderState.defaultHold + .seconds(1)
        #expect(state.storableOffset(at: later) == 130)
        let loud = Records.record(Records.inbound(30), .inbound, offset: 130)
        guard case .gated(let gated) = state.receive(loud, at: later) else {
            Issue.record("dropped")
            return
        }
        #expect(gated.outputs.map(\.offset) == Array(120...130))
        #expect(state.storableOffset(at: later) == 130)
        for output in gated.outputs { state.finished(output.offset) }
        #expect(state.storableOffset(at: later) == 130)
    }

    @Test func `a frame without audio is a fault on its way in`() {
        var state = TranscoderState(direction: .inbound, topics: Records.topics, silenceGate: SilenceGateSettings())
        var frame = Records.inbound(0)
        frame.payload = ByteBuffer()
        let outcome = state.receive(Records.record(frame, .inbound, offset: 0), at: .now)
        #expect(outcome == .drop(.length, isFirst: true))
    }

    @Test func `is off unless asked for, and its variables are checked all at once`() {
        var none = Settings(environment: [:])
        #expect(AudioTranscoderStage.configure(&none).silenceGate == nil)
        #expect(none.problems.isEmpty)
        var on = Settings(environment: ["VOICE_SILENCE_GATE": "on"])
        #expect(AudioTranscoderStage.configure(&on).silenceGate == SilenceGateSettings())
        var all = Settings(environment: [
            "VOICE_SILENCE_GATE": "on", "VOICE_SILENCE_GATE_HANGOVER_MS": "1001", "VOICE_SILENCE_GATE_PREROLL_MS": "0",
            "VOICE_SILENCE_GATE_THRESHOLD_DBFS": "-60",
        ])
        let expected = SilenceGateSettings(hangOver: 51, preRoll: 0, threshold: -60)
        #expect(AudioTranscoderStage.configure(&all).silenceGate == expected)
        var bad = Settings(environment: [
            "VOICE_SILENCE_GATE": "maybe", "VOICE_SILENCE_GATE_HANGOVER_MS": "500",
            "VOICE_SILENCE_GATE_PREROLL_MS": "-1",
            "VOICE_SILENCE_GATE_THRESHOLD_DBFS": "0",
        ])
        _ = AudioTranscoderStage.configure(&bad)
        #expect(bad.problems.count == 4)
    }
}
