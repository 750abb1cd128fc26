import Audio
import JSON
import NIOCore
import Speech

/// The recordings as the model says them: cut into deltas, in base64, made once for all sessions.
struct AgentSpeech: Sendable {
    struct Delta: Sendable {
        /// Base64.
        var text: ByteBuffer
        /// Bytes of the utterance up to and with this delta.
        var end: Int
    }

    struct Word: Sendable {
        /// With the space before it.
        var text: String
        /// The byte of the audio with which it comes.
        var at: Int
    }

    var name: String
    var transcript: String
    var bytes: [UInt8]
    var deltas: [Delta]
    var words: [Word]

    /// All recordings in each format.
    static let standard: [AudioFormat: [String: AgentSpeech]] = Dictionary(
        uniqueKeysWithValues: AudioFormat.allCases.map { format in
            (
                format,
                Dictionary(uniqueKeysWithValues: Speech.all.map { ($0.name, AgentSpeech($0, format: format)) })
            )
        }
    )

    init(_ utterance: Utterance, format: AudioFormat) {
        self.init(
            name: utterance.name,
            words: utterance.text.split(separator: " "),
            bytes: Self.encode(utterance.mulaw, as: format),
            format: format
        )
    }

    private init(name: String, words: [Substring], bytes: [UInt8], format: AudioFormat) {
        self.name = name
        self.transcript = words.joined(separator: " ")
        self.bytes = bytes

        // Irregular, but the same each time: 40 to 400 ms, whole samples, no multiples of a frame.
        var random = Xorshift(seed: UInt64(bytes.count / format.bytesPerTelephoneSample))
        var deltas: [Delta] = []
        var start = 0
        while start < bytes.count {
            let samples = 320 + Int(random.next() % 2880)
            let end = min(bytes.count, start + samples * format.bytesPerTelephoneSample)
            var text = ByteBuffer()
            Base64.encode(ByteBuffer(bytes: bytes[start..<end]), to: &text)
            deltas.append(Delta(text: text, end: end))
            start = end
        }
        self.deltas = deltas
        self.words = words.enumerated().map { index, word in
            Word(text: (index == 0 ? "" : " ") + word, at: bytes.count * index / words.count)
        }
    }

    /// The same without its first `count` words.
    func dropping(words count: Int, format: AudioFormat) -> AgentSpeech {
        guard count > 0, count < self.words.count else { return self }
        let sample = format.bytesPerTelephoneSample
        let start = self.words[count].at / sample * sample
        return AgentSpeech(
            name: self.name,
            words: Array(self.transcript.split(separator: " ").dropFirst(count)),
            bytes: Array(self.bytes[start...]),
            format: format
        )
    }

    private static func encode(_ mulaw: [UInt8], as format: AudioFormat) -> [UInt8] {
        switch format {
        case .pcmu: return mulaw
        case .pcma: return mulaw.map { ALaw.encode(MuLaw.decode($0)) }
        case .pcm:
            // One more frame brings the end out of the filter, whose delay is cut off at the beginning.
            var converter = MulawToPCM24k()
            var pcm = ByteBuffer()
            converter.convert(ByteBuffer(bytes: mulaw + Array(repeating: MuLaw.silence, count: 160)), into: &pcm)
            let delay = 2 * AudioFilter.interpolationDelay
            return Array(pcm.readableBytesView.dropFirst(delay).prefix(6 * mulaw.count))
        }
    }
}

/// Marsaglia's generator: repeatable, and cheap enough for each delta.
struct Xorshift: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    }

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }
}
