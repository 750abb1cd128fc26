import Audio
import NIOCore
import Speech
import Testing

// One after the other: it is all computation, and the tests with sockets need threads too.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct RecognitionTests {
    static let names = ["greeting", "price", "goodbye", "wait", "hum", "ask", "confirm", "bye", "sorry", "long"]

    @Test func `has all recordings, in whole frames and at a good level`() {
        #expect(Speech.all.map(\.name) == Self.names)
        #expect(Speech.all.reduce(0) { $0 + $1.mulaw.count } < 1_000_000)
        for utterance in Speech.all {
            #expect(utterance.mulaw.count % 160 == 0)
            #expect((20_000...24_000).contains(utterance.mulaw.map { abs(Int(MuLaw.decode($0))) }.max() ?? 0))
            #expect(utterance.text.isEmpty == (utterance.name == "hum"))
        }
    }

    @Test(arguments: names)
    func `recognises what arrives unharmed over mu-law`(_ name: String) throws {
        let turn = Turn(try #require(Speech.utterance(name)).mulaw, lead: 2741, tail: 4000)
        let hearing = SpeechRecognizer.standard.hear(turn.samples)
        #expect(hearing.utterances == [name])
        #expect(abs((hearing.matches.first?.start ?? 0) - 2741) <= 1)
    }

    @Test(arguments: names, [0, 1, 2])
    func `recognises what went through 24 kHz and back`(_ name: String, _ skipped: Int) throws {
        let turn = Turn(try #require(Speech.utterance(name)).mulaw)
        #expect(SpeechRecognizer.standard.hear(turn.resampled(skipping: skipped)).utterances == [name])
    }

    @Test(arguments: names, [0.1, 0.5])
    func `recognises it at another level`(_ name: String, _ gain: Double) throws {
        let codes = try #require(Speech.utterance(name)).mulaw.map {
            MuLaw.encode(Int16(Double(MuLaw.decode($0)) * gain))
        }
        #expect(SpeechRecognizer.standard.hear(Turn(codes).samples).utterances == [name])
    }

    @Test func `recognises two utterances in one turn, in their order`() throws {
        let first = try #require(Speech.utterance("price")).mulaw
        let second = try #require(Speech.utterance("goodbye")).mulaw
        let hearing = SpeechRecognizer.standard.hear(Turn(first + Turn.silence(800) + second).samples)
        #expect(hearing.utterances == ["price", "goodbye"])
        #expect(
            hearing.text
                == "Yes, that will be forty five dollars. We have time tomorrow afternoon. You are welcome. Goodbye."
        )
    }

    @Test func `hears nothing in silence`() {
        let hearing = SpeechRecognizer.standard.hear(Turn(Turn.silence(8000)).samples)
        #expect(hearing.utterances == nil)
        #expect(!hearing.hasUnknownSound)
    }

    enum Damage: CaseIterable {
        case dropped, repeated, exchanged, silenced

        func applied(to codes: [UInt8], at index: Int) -> [UInt8] {
            let (before, frame, after) = (codes[..<index], codes[index..<index + 160], codes[(index + 160)...])
            return switch self {
            case .dropped: Array(before + after)
            case .repeated: Array(before + frame + frame + after)
            case .exchanged: Array(before + after.prefix(160) + frame + after.dropFirst(160))
            case .silenced: Array(before + Turn.silence(160) + after)
            }
        }
    }

    @Test(arguments: names, Damage.allCases)
    func `does not recognise speech with one damaged frame`(_ name: String, _ damage: Damage) throws {
        let codes = try #require(Speech.utterance(name)).mulaw
        for index in Turn.loudFrames(of: codes, every: 7) {
            let hearing = SpeechRecognizer.standard.hear(Turn(damage.applied(to: codes, at: index)).samples)
            #expect(hearing.utterances == nil, "frame at \(index)")
        }
    }

    @Test(arguments: names)
    func `does not recognise clipped, halved, sped up or wrongly decoded speech`(_ name: String) throws {
        let recognizer = SpeechRecognizer.standard
        let codes = try #require(Speech.utterance(name)).mulaw
        let clipped = codes.map { MuLaw.encode(Int16(clamping: Int(MuLaw.decode($0)) * 4)) }
        #expect(recognizer.hear(Turn(clipped).samples).utterances == nil)
        #expect(recognizer.hear(Turn(Array(codes.prefix(codes.count / 2))).samples).utterances == nil)
        #expect(recognizer.hear(Turn(Array(codes.suffix(codes.count / 2))).samples).utterances == nil)
        let faster = stride(from: 0, to: Double(codes.count - 1), by: 1.1).map { codes[Int($0)] }
        #expect(recognizer.hear(Turn(faster).samples).utterances == nil)
        #expect(recognizer.hear(Turn(codes.map { ~$0 & 0x7f | $0 & 0x80 }).samples).utterances == nil)
    }

    @Test func `says what was damaged, and where`() throws {
        let codes = try #require(Speech.utterance("price")).mulaw
        let index = try #require(Turn.loudFrames(of: codes, every: 40).last)
        let hearing = SpeechRecognizer.standard.hear(Turn(Damage.silenced.applied(to: codes, at: index)).samples)
        let damaged = try #require(hearing.damaged)
        #expect(damaged.name == "price")
        #expect(abs(damaged.worstAtMs - index / 8) <= 20)
        #expect(hearing.text == "")
    }

    @Test func `is fast enough for each turn of many calls`() throws {
        let turn = Turn(try #require(Speech.utterance("price")).mulaw)
        _ = SpeechRecognizer.standard.hear(turn.samples)
        let elapsed = ContinuousClock().measure {
            for _ in 0..<10 { _ = SpeechRecognizer.standard.hear(turn.samples) }
        }
        #expect(elapsed < .seconds(1), "ten turns took \(elapsed)")
    }
}

/// An utterance between two silences, as a turn detector cuts it.
struct Turn {
    var codes: [UInt8]

    init(_ codes: [UInt8], lead: Int = 2400, tail: Int = 4000) {
        self.codes = Self.silence(lead) + codes + Self.silence(tail)
    }

    static func silence(_ count: Int) -> [UInt8] {
        Array(repeating: MuLaw.silence, count: count)
    }

    var samples: [Int16] { self.codes.map { MuLaw.decode($0) } }

    /// To 24 kHz and back, the way back beginning `skipped` samples later.
    func resampled(skipping skipped: Int) -> [Int16] {
        var up = MulawToPCM24k()
        var pcm = ByteBuffer()
        up.convert(ByteBuffer(bytes: self.codes), into: &pcm)
        return Self.telephone(pcm.readableBytesView.dropFirst(2 * skipped))
    }

    /// What is left of PCM at 24 kHz on a telephone line.
    static func telephone(_ pcm24k: some Collection<UInt8>) -> [Int16] {
        var down = PCM24kToMulaw()
        var codes = ByteBuffer()
        down.convert(ByteBuffer(bytes: pcm24k), into: &codes)
        return codes.readableBytesView.map { MuLaw.decode($0) }
    }

    /// Where frames in the middle of words begin: each n-th of those which, like their neighbours, are loud.
    static func loudFrames(of codes: [UInt8], every step: Int) -> [Int] {
        let starts = Array(stride(from: 0, to: codes.count, by: 160))
        let energies = starts.map { start in
            codes[start..<start + 160].reduce(0.0) { $0 + Double(MuLaw.decode($1)) * Double(MuLaw.decode($1)) }
        }
        let limit = 0.05 * energies.reduce(0, +) / Double(energies.count)
        let loud = starts.indices.dropFirst().dropLast(2).filter { energies[$0 - 1...$0 + 1].allSatisfy { $0 > limit } }
        return stride(from: 0, to: loud.count, by: step).map { starts[loud[$0]] }
    }
}
