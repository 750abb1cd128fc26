import Audio
import NIOCore

/// The input audio buffer: what was appended and not yet committed, and where in the session it lies.
///
/// Positions count samples of 8 kHz appended since the session began; 8 are a millisecond.
struct InputAudio: Sendable {
    struct Turn: Sendable {
        /// As appended.
        var bytes: [UInt8]
        /// Mono, 8 kHz: what the recogniser takes.
        var samples: [Int16]
        var start: Int
        var end: Int
    }

    /// Without turn detection the buffer keeps at most this: ten minutes.
    private static let limit = 8000 * 600

    private(set) var format: AudioFormat
    private(set) var detector: VoiceDetector?
    /// Samples kept before speech.
    private var padding = 0
    /// The position of the first sample in the buffer.
    private(set) var start = 0
    private var bytes: [UInt8] = []
    private var samples: [Int16] = []
    /// Bytes that do not make a sample of 8 kHz yet.
    private var rest: [UInt8] = []
    /// Samples that the detector has seen.
    private var examined = 0
    private var toTelephone = PCM24kToMulaw()
    /// Kept for their storage: what is converted, and into what.
    private var pcm = ByteBuffer()
    private var codes = ByteBuffer()

    init(format: AudioFormat, detection: TurnDetection?) {
        self.format = format
        self.configure(format: format, detection: detection)
    }

    /// The telephone samples of a whole piece of audio.
    static func samples(of bytes: [UInt8], in format: AudioFormat) -> [Int16] {
        var audio = InputAudio(format: format, detection: nil)
        _ = audio.append(bytes[...])
        return audio.take().samples
    }

    var end: Int { self.start + self.samples.count }

    var isSpeaking: Bool { self.detector?.isSpeaking ?? false }

    /// Turns in work go on when nothing that matters to them changes.
    mutating func configure(format: AudioFormat, detection: TurnDetection?) {
        if format != self.format {
            self.clear()
            self.rest = []
            self.toTelephone.reset()
            self.format = format
        }
        let detector = detection.map { VoiceDetector($0) }
        if detector?.limit != self.detector?.limit || detector?.silence != self.detector?.silence {
            self.detector = detector
        }
        self.padding =
            if case .server(_, let padding, _, _) = detection?.kind { 8 * min(padding, 60_000) } else { 8 * 300 }
    }

    mutating func append(_ new: ArraySlice<UInt8>) -> [VoiceDetector.Event] {
        self.forget()
        let unit = self.format.bytesPerTelephoneSample
        if self.rest.isEmpty, new.count.isMultiple(of: unit) {
            self.take(new)
        } else {
            let all = self.rest + new
            let whole = all.count / unit * unit
            self.take(all[..<whole])
            self.rest = Array(all[whole...])
        }
        return self.examine()
    }

    /// - Parameter chunk: whole samples of 8 kHz.
    private mutating func take(_ chunk: ArraySlice<UInt8>) {
        self.bytes += chunk
        switch self.format {
        case .pcmu:
            for code in chunk { self.samples.append(MuLaw.decode(code)) }
        case .pcma:
            for code in chunk { self.samples.append(ALaw.samples[Int(code)]) }
        case .pcm:
            self.pcm.clear()
            self.pcm.writeBytes(chunk)
            self.codes.clear()
            self.toTelephone.convert(self.pcm, into: &self.codes)
            for code in self.codes.readableBytesView { self.samples.append(MuLaw.decode(code)) }
        }
    }

    /// What was collected, from `start` on; the buffer is empty afterwards.
    mutating func take(from start: Int? = nil) -> Turn {
        let skipped = max(0, (start ?? self.start) - self.start)
        let unit = self.format.bytesPerTelephoneSample
        let turn = Turn(
            bytes: Array(self.bytes.dropFirst(skipped * unit)),
            samples: Array(self.samples.dropFirst(skipped)),
            start: self.start + skipped,
            end: self.end
        )
        self.clear()
        return turn
    }

    /// A copy of what was collected.
    var collected: [Int16] { self.samples }

    mutating func clear() {
        self.start = self.end
        self.examined = max(self.examined, self.start)
        self.bytes = []
        self.samples = []
        self.detector?.reset()
    }

    /// A detected start of speech, earlier by the padding, as far as the buffer reaches.
    func padded(_ position: Int) -> Int {
        max(self.start, position - self.padding)
    }

    private mutating func examine() -> [VoiceDetector.Event] {
        guard self.detector != nil else {
            self.examined = self.end
            return []
        }
        var events: [VoiceDetector.Event] = []
        while self.examined + VoiceDetector.frame <= self.end {
            let first = self.examined - self.start
            var energy: Float = 0
            for index in first..<first + VoiceDetector.frame {
                energy += Float(self.samples[index]) * Float(self.samples[index])
            }
            self.examined += VoiceDetector.frame
            if let event = self.detector?.heard(energy: energy / Float(VoiceDetector.frame), end: self.examined) {
                events.append(event)
            }
        }
        return events
    }

    /// Before speech only the padding is kept, and what the detector may still count to it.
    private mutating func forget() {
        guard !self.isSpeaking else { return }
        let kept = self.detector == nil ? Self.limit : self.padding + 8 * VoiceDetector.frame
        // In lumps, so that not each frame moves the whole.
        guard self.samples.count > kept + 4000 else { return }
        let gone = self.samples.count - kept
        self.samples.removeFirst(gone)
        self.bytes.removeFirst(gone * self.format.bytesPerTelephoneSample)
        self.start += gone
    }
}
