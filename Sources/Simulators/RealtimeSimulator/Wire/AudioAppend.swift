import JSON

/// The one client event of which there are fifty a second, read without building a JSON tree.
struct AudioAppend {
    var audio: Range<Int>

    /// Reads one object whose members are exactly `type` = `input_audio_buffer.append`, `audio` and perhaps `event_id`,
    /// all plain text without escapes.
    /// - Returns: nil for anything else, which is then to be read and judged at leisure.
    init?(_ text: Span<UInt8>) {
        var audio: Range<Int>?
        var isAppend = false
        var isOther = false
        do throws(JSONScanner.SyntaxError) {
            try JSONScanner.object(text) { (key, at) throws(JSONScanner.SyntaxError) in
                let value = try JSONScanner.string(text, &at)
                if JSONScanner.equals(key, "type", in: text) {
                    isAppend = JSONScanner.equals(value, "input_audio_buffer.append", in: text)
                    isOther = isOther || !isAppend
                } else if JSONScanner.equals(key, "audio", in: text), audio == nil, !value.isEscaped {
                    audio = value.range
                } else if !JSONScanner.equals(key, "event_id", in: text) || !Self.isPlain(value, in: text) {
                    isOther = true
                }
            }
        } catch {
            return nil
        }
        guard isAppend, !isOther, let audio else { return nil }
        self.audio = audio
    }

    private static func isPlain(_ id: JSONScanner.RawString, in text: Span<UInt8>) -> Bool {
        !id.isEscaped && id.range.count <= 512 && id.range.allSatisfy { text[$0] < 0x80 }
    }
}
