package import NIOCore

/// Why a record's value is not an `AudioFrame`.
package struct AudioFrameError: Error, Equatable {
    package enum Code: String, Sendable {
        /// The bytes end within a field.
        case truncated
        /// A field's number or type that protobuf does not have, or a number that does not end.
        case badTag
        /// A codec that this version does not know, or none.
        case badCodec
        /// A control that this version does not know.
        case badControl
        /// An id that is not UTF-8.
        case badText
    }
    package var code: Code
}

// The protobuf wire format: a field is a varint tag (number << 3 | wire type) and its value; a default value is left
// out. Fields are written in the order of their numbers, so that the bytes are those of generated code.

extension AudioFrame {
    /// Appends the frame's bytes.
    package func write(to buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: self.payload.readableBytes + self.sizeWithoutPayload)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: self.sizeWithoutPayload) { output in
            output.appendField(1, varint: UInt64(self.codec.rawValue))
            guard self.payload.readableBytes > 0 else { return }
            output.appendTag(2, .bytes)
            output.appendVarint(UInt64(self.payload.readableBytes))
        }
        buffer.writeImmutableBuffer(self.payload)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: self.sizeWithoutPayload) { output in
            output.appendField(3, varint: UInt64(self.streamEpoch))
            output.appendField(4, varint: self.sequence)
            output.appendField(5, varint: UInt64(bitPattern: Int64(self.outboundPartition)))
            output.appendField(6, varint: UInt64(bitPattern: self.receivedAtUs))
            output.appendField(7, varint: UInt64(self.timestampMs))
            if let playout = self.playout {
                output.appendTag(8, .bytes)
                output.appendVarint(UInt64(playout.wireSize))
                output.appendField(1, text: playout.itemID)
                output.appendField(2, varint: UInt64(playout.playedMs))
            }
            output.appendField(9, varint: UInt64(bitPattern: self.sessionEpoch))
            output.appendField(10, varint: UInt64(self.playoutEpoch))
            output.appendField(11, text: self.itemID)
            output.appendField(12, varint: UInt64(self.control.rawValue))
        }
    }

    /// At least what `write` appends besides the payload: nine numbers and four lengths with their tags, and the ids.
    private var sizeWithoutPayload: Int {
        13 * (1 + OutputRawSpan.longestVarint) + self.itemID.utf8.count + (self.playout?.wireSize ?? 0)
    }

    /// Reads a record's value. Unknown fields are skipped; `payload` shares the memory of `record`.
    /// - Throws: `AudioFrameError` for anything that protobuf would not read as an `AudioFrame`, for the groups of
    ///   proto2, and for a codec or control that this version does not know.
    /// - Parameter likelyItemID: that of the frame before: taken over where the bytes are the same, instead of making
    ///   the same text again.
    package init(record: ByteBuffer, likelyItemID: String = "") throws(AudioFrameError) {
        let bytes = record.readableBytesSpan
        var cursor = WireCursor(end: bytes.byteCount)
        var frame = AudioFrame(codec: .pcmu)
        var codec: UInt64 = 0
        var control: UInt64 = 0
        while let (field, type) = try cursor.nextTag(bytes) {
            switch (field, type) {
            case (1, .varint): codec = try cursor.varint(bytes)
            case (2, .bytes): frame.payload = record.slice(try cursor.run(bytes))
            case (3, .varint): frame.streamEpoch = UInt32(truncatingIfNeeded: try cursor.varint(bytes))
            case (4, .varint): frame.sequence = try cursor.varint(bytes)
            case (5, .varint): frame.outboundPartition = Int32(truncatingIfNeeded: try cursor.varint(bytes))
            case (6, .varint): frame.receivedAtUs = Int64(bitPattern: try cursor.varint(bytes))
            case (7, .varint): frame.timestampMs = UInt32(truncatingIfNeeded: try cursor.varint(bytes))
            case (8, .bytes):
                // A message that occurs twice is merged.
                var playout = frame.playout ?? Playout(itemID: "", playedMs: 0)
                try playout.merge(try cursor.run(bytes), of: record)
                frame.playout = playout
            case (9, .varint): frame.sessionEpoch = Int64(bitPattern: try cursor.varint(bytes))
            case (10, .varint): frame.playoutEpoch = UInt32(truncatingIfNeeded: try cursor.varint(bytes))
            case (11, .bytes): frame.itemID = try record.text(try cursor.run(bytes), likely: likelyItemID)
            case (12, .varint): control = try cursor.varint(bytes)
            default: try cursor.skip(type, bytes)
            }
        }
        guard let codec = Codec(wire: codec) else { throw AudioFrameError(code: .badCodec) }
        guard let control = Control(wire: control) else { throw AudioFrameError(code: .badControl) }
        frame.codec = codec
        frame.control = control
        self = frame
    }
}

extension AudioFrame.Playout {
    fileprivate var wireSize: Int {
        let text = self.itemID.utf8.count
        return (text == 0 ? 0 : 1 + OutputRawSpan.varintSize(UInt64(text)) + text)
            + (self.playedMs == 0 ? 0 : 1 + OutputRawSpan.varintSize(UInt64(self.playedMs)))
    }

    fileprivate mutating func merge(_ range: Range<Int>, of record: ByteBuffer) throws(AudioFrameError) {
        let bytes = record.readableBytesSpan
        var cursor = WireCursor(position: range.lowerBound, end: range.upperBound)
        while let (field, type) = try cursor.nextTag(bytes) {
            switch (field, type) {
            case (1, .bytes): self.itemID = try record.text(try cursor.run(bytes))
            case (2, .varint): self.playedMs = UInt32(truncatingIfNeeded: try cursor.varint(bytes))
            default: try cursor.skip(type, bytes)
            }
        }
    }
}

extension RawRepresentable where RawValue == UInt8 {
    /// An enum's number as protobuf reads it: the low 32 bits.
    fileprivate init?(wire: UInt64) {
        guard let number = UInt8(exactly: Int32(truncatingIfNeeded: wire)) else { return nil }
        self.init(rawValue: number)
    }
}

private enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
}

/// A place in a record's bytes, which are handed in each time because they cannot be kept.
private struct WireCursor {
    var position = 0
    let end: Int

    /// - Returns: nil at the end.
    mutating func nextTag(_ bytes: RawSpan) throws(AudioFrameError) -> (field: UInt32, type: WireType)? {
        guard self.position < self.end else { return nil }
        let tag = try self.varint(bytes)
        guard tag < UInt64(UInt32.max), tag >> 3 > 0, let type = WireType(rawValue: UInt8(tag & 7)) else {
            throw AudioFrameError(code: .badTag)
        }
        return (UInt32(tag >> 3), type)
    }

    mutating func varint(_ bytes: RawSpan) throws(AudioFrameError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while self.position < self.end {
            let byte = bytes.unsafeLoad(fromByteOffset: self.position, as: UInt8.self)
            self.position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            guard shift < 64 else { throw AudioFrameError(code: .badTag) }
        }
        throw AudioFrameError(code: .truncated)
    }

    /// A length and where that many bytes are.
    mutating func run(_ bytes: RawSpan) throws(AudioFrameError) -> Range<Int> {
        let length = try self.varint(bytes)
        guard length <= UInt64(self.end - self.position) else { throw AudioFrameError(code: .truncated) }
        let start = self.position
        self.position += Int(length)
        return start..<self.position
    }

    mutating func skip(_ type: WireType, _ bytes: RawSpan) throws(AudioFrameError) {
        switch type {
        case .varint: _ = try self.varint(bytes)
        case .bytes: _ = try self.run(bytes)
        case .fixed64: try self.skip(8)
        case .fixed32: try self.skip(4)
        }
    }

    private mutating func skip(_ count: Int) throws(AudioFrameError) {
        guard count <= self.end - self.position else { throw AudioFrameError(code: .truncated) }
        self.position += count
    }
}

extension ByteBuffer {
    /// - Parameter range: within the readable bytes, from 0.
    fileprivate func slice(_ range: Range<Int>) -> ByteBuffer {
        self.getSlice(at: self.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    fileprivate func text(_ range: Range<Int>, likely: String = "") throws(AudioFrameError) -> String {
        let start = self.readerIndex + range.lowerBound
        if range.count == likely.utf8.count, self.holds(likely.utf8, at: range) { return likely }
        guard let text = try? self.getUTF8ValidatedString(at: start, length: range.count) else {
            throw AudioFrameError(code: .badText)
        }
        return text
    }
}

extension ByteBuffer {
    /// Whether the bytes of `range`, which are as many, are `text`.
    private func holds(_ text: String.UTF8View, at range: Range<Int>) -> Bool {
        self.withUnsafeReadableBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[range])
            return text.withContiguousStorageIfAvailable { UnsafeRawBufferPointer($0).elementsEqual(bytes) } ?? false
        }
    }
}

extension OutputRawSpan {
    fileprivate static let longestVarint = 10

    fileprivate static func varintSize(_ value: UInt64) -> Int {
        (UInt64.bitWidth - (value | 1).leadingZeroBitCount + 6) / 7
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        while at + 8 <= bytes.count {
            self.append(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self), as: UInt64.self)
            at += 8
        }
        while at < bytes.count {
            self.append(bytes[at])
            at += 1
        }
    }

    fileprivate mutating func appendTag(_ field: UInt8, _ type: WireType) {
        self.append(field << 3 | type.rawValue)
    }

    fileprivate mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            self.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.append(UInt8(rest))
    }

    fileprivate mutating func appendField(_ field: UInt8, varint value: UInt64) {
        guard value != 0 else { return }
        self.appendTag(field, .varint)
        self.appendVarint(value)
    }

    fileprivate mutating func appendField(_ field: UInt8, text: String) {
        guard !text.isEmpty else { return }
        self.appendTag(field, .bytes)
        self.appendVarint(UInt64(text.utf8.count))
        if text.utf8.withContiguousStorageIfAvailable({ self.append(UnsafeRawBufferPointer($0)) }) == nil {
            for byte in text.utf8 { self.append(byte) }
        }
    }
}
