import JSON

enum AudioFormat: String, Sendable, CaseIterable, Decodable {
    /// Signed 16-bit little-endian, 24 kHz.
    case pcm = "audio/pcm"
    /// G.711 mu-law, 8 kHz.
    case pcmu = "audio/pcmu"
    /// G.711 A-law, 8 kHz.
    case pcma = "audio/pcma"

    /// Bytes that last as long as one sample of 8 kHz.
    var bytesPerTelephoneSample: Int { self == .pcm ? 6 : 1 }

    var bytesPerMillisecond: Int { 8 * self.bytesPerTelephoneSample }

    var wire: Wire {
        self == .pcm ? ["type": .string(self.rawValue), "rate": 24000] : ["type": .string(self.rawValue)]
    }

    init?(_ value: JSONValue?) {
        guard let format = value?["type"]?.stringValue.flatMap(AudioFormat.init(rawValue:)) else { return nil }
        self = format
    }
}
