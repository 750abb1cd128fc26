import NIOCore

/// The one client event of which there are fifty a second, read without building a JSON tree.
struct AudioAppend {
    var audio: Range<Int>

    /// Reads one object whose members are exactly `type` = `input_audio_buffer.append`, `audio` and perhaps `event_id`,
    /// all plain text without escapes.
    /// - Returns: nil for anything else, which is then to be read and judged at leisure.
    init?(_ text: UnsafeRawBufferPointer) {
        var scanner = FlatObjectScanner(text)
        var audio: Range<Int>?
        var isAppend = false
        guard scanner.skip(UInt8(ascii: "{")) else { return nil }
        repeat {
            guard let key = scanner.string(), scanner.skip(UInt8(ascii: ":")), let value = scanner.string() else {
                return nil
            }
            if scanner.equals(key, "type") {
                guard scanner.equals(value, "input_audio_buffer.append") else { return nil }
                isAppend = true
            } else if scanner.equals(key, "audio"), audio == nil {
                audio = value
            } else if !scanner.equals(key, "event_id") || value.count > 512 {
                return nil
            }
        } while scanner.skip(UInt8(ascii: ","))
        guard isAppend, let audio, scanner.skip(UInt8(ascii: "}")), scanner.isAtEnd else { return nil }
        self.audio = audio
    }
}

/// Walks over `{"key":"value",…}`.
private struct FlatObjectScanner {
    private let text: UnsafeRawBufferPointer
    private var place = 0

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
    }

    var isAtEnd: Bool {
        mutating get {
            self.skipSpace()
            return self.place == self.text.count
        }
    }

    mutating func skip(_ byte: UInt8) -> Bool {
        self.skipSpace()
        guard self.place < self.text.count, self.text[self.place] == byte else { return false }
        self.place += 1
        return true
    }

    /// The inside of a quoted text that has no escapes.
    mutating func string() -> Range<Int>? {
        guard self.skip(UInt8(ascii: "\"")) else { return nil }
        let start = self.place
        while self.place < self.text.count {
            let byte = self.text[self.place]
            if byte == UInt8(ascii: "\"") {
                self.place += 1
                return start..<self.place - 1
            }
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { return nil }
            self.place += 1
        }
        return nil
    }

    func equals(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        for (index, byte) in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount).enumerated()
        where self.text[range.lowerBound + index] != byte {
            return false
        }
        return true
    }

    private mutating func skipSpace() {
        while self.place < self.text.count, [0x20, 0x09, 0x0a, 0x0d].contains(self.text[self.place]) {
            self.place += 1
        }
    }
}
