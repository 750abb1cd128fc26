package import NIOCore

/// Why a record's value is not an `AudioFrame`.
package struct AudioFrameError: Error, Equatable {
    package enum Code: String, Sendable { case truncated, badTag, badCodec, badControl, badText }
    package var code: Code
}

// The protobuf wire format: a field is a varint tag (number << 3 | wire type) and its value; a default value is left out.
extension AudioFrame {
    private enum Field {
        static let codec: UInt64 = 1
        static let payload: UInt64 = 2
        static let streamEpoch: UInt64 = 3
        static let sequence: UInt64 = 4
        static let outboundPartition: UInt64 = 5
        static let receivedAtUs: UInt64 = 6
        static let timestampMs: UInt64 = 7
        static let playout: UInt64 = 8
        static let sessionEpoch: UInt64 = 9
        static let playoutEpoch: UInt64 = 10
        static let itemID: UInt64 = 11
        static let control: UInt64 = 12

        static let playoutItemID: UInt64 = 1
        static let playoutPlayedMs: UInt64 = 2
    }

    /// Appends the frame's bytes; at most the payload's size and 120 more, besides the item ids.
    package func write(to buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: self.payload.readableBytes + 120)
        buffer.writeField(Field.codec, varint: UInt64(self.codec.rawValue))
        if self.payload.readableBytes > 0 {
            buffer.writeTag(Field.payload, .bytes)
            buffer.writeVarint(UInt64(self.payload.readableBytes))
            buffer.writeImmutableBuffer(self.payload)
        }
        buffer.writeField(Field.streamEpoch, varint: UInt64(self.streamEpoch))
        buffer.writeField(Field.sequence, varint: self.sequence)
        buffer.writeField(Field.outboundPartition, varint: UInt64(bitPattern: Int64(self.outboundPartition)))
        buffer.writeField(Field.receivedAtUs, varint: UInt64(bitPattern: self.receivedAtUs))
        buffer.writeField(Field.timestampMs, varint: UInt64(self.timestampMs))
        if let playout = self.playout {
            var nested = ByteBuffer()
            nested.writeField(Field.playoutItemID, text: playout.itemID)
            nested.writeField(Field.playoutPlayedMs, varint: UInt64(playout.playedMs))
            buffer.writeTag(Field.playout, .bytes)
            buffer.writeVarint(UInt64(nested.readableBytes))
            buffer.writeImmutableBuffer(nested)
        }
        buffer.writeField(Field.sessionEpoch, varint: UInt64(bitPattern: self.sessionEpoch))
        buffer.writeField(Field.playoutEpoch, varint: UInt64(self.playoutEpoch))
        buffer.writeField(Field.itemID, text: self.itemID)
        buffer.writeField(Field.control, varint: UInt64(self.control.rawValue))
    }

    /// Reads a record's value. Unknown fields are skipped; `payload` shares the memory of `record`.
    /// - Throws: `AudioFrameError` for anything that protobuf would not read as an `AudioFrame`, and for a codec or
    ///   control that this version does not know.
    package init(record: ByteBuffer) throws(AudioFrameError) {
        var rest = record
        var frame = AudioFrame(codec: .pcmu)
        var codec: UInt64 = 0
        while rest.readableBytes > 0 {
            let (field, type) = try rest.readTag()
            switch (field, type) {
            case (Field.codec, .varint): codec = try rest.readVarint()
            case (Field.payload, .bytes): frame.payload = try rest.readBytesField()
            case (Field.streamEpoch, .varint): frame.streamEpoch = UInt32(truncatingIfNeeded: try rest.readVarint())
            case (Field.sequence, .varint): frame.sequence = try rest.readVarint()
            case (Field.outboundPartition, .varint):
                frame.outboundPartition = Int32(truncatingIfNeeded: try rest.readVarint())
            case (Field.receivedAtUs, .varint): frame.receivedAtUs = Int64(bitPattern: try rest.readVarint())
            case (Field.timestampMs, .varint): frame.timestampMs = UInt32(truncatingIfNeeded: try rest.readVarint())
            case (Field.playout, .bytes): frame.playout = try Playout(record: rest.readBytesField())
            case (Field.sessionEpoch, .varint): frame.sessionEpoch = Int64(bitPattern: try rest.readVarint())
            case (Field.playoutEpoch, .varint): frame.playoutEpoch = UInt32(truncatingIfNeeded: try rest.readVarint())
            case (Field.itemID, .bytes): frame.itemID = try rest.readTextField()
            case (Field.control, .varint):
                guard let control = Control(rawValue: UInt8(truncatingIfNeeded: try rest.readVarint())) else {
                    throw AudioFrameError(code: .badControl)
                }
                frame.control = control
            default: try rest.skipField(type)
            }
        }
        guard codec <= UInt64(UInt8.max), let known = Codec(rawValue: UInt8(codec)) else {
            throw AudioFrameError(code: .badCodec)
        }
        frame.codec = known
        self = frame
    }
}

extension AudioFrame.Playout {
    fileprivate init(record: ByteBuffer) throws(AudioFrameError) {
        var rest = record
        var playout = AudioFrame.Playout(itemID: "", playedMs: 0)
        while rest.readableBytes > 0 {
            let (field, type) = try rest.readTag()
            switch (field, type) {
            case (1, .bytes): playout.itemID = try rest.readTextField()
            case (2, .varint): playout.playedMs = UInt32(truncatingIfNeeded: try rest.readVarint())
            default: try rest.skipField(type)
            }
        }
        self = playout
    }
}

private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
}

extension ByteBuffer {
    fileprivate mutating func writeTag(_ field: UInt64, _ type: WireType) {
        self.writeVarint(field << 3 | type.rawValue)
    }

    fileprivate mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            self.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.writeInteger(UInt8(rest))
    }

    fileprivate mutating func writeField(_ field: UInt64, varint value: UInt64) {
        guard value != 0 else { return }
        self.writeTag(field, .varint)
        self.writeVarint(value)
    }

    fileprivate mutating func writeField(_ field: UInt64, text: String) {
        guard !text.isEmpty else { return }
        self.writeTag(field, .bytes)
        self.writeVarint(UInt64(text.utf8.count))
        self.writeString(text)
    }

    fileprivate mutating func readVarint() throws(AudioFrameError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = self.readInteger(as: UInt8.self) {
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            guard shift < 64 else { throw AudioFrameError(code: .badTag) }
        }
        throw AudioFrameError(code: .truncated)
    }

    fileprivate mutating func readTag() throws(AudioFrameError) -> (field: UInt64, type: WireType) {
        let tag = try self.readVarint()
        guard let type = WireType(rawValue: tag & 7), tag >> 3 > 0 else { throw AudioFrameError(code: .badTag) }
        return (tag >> 3, type)
    }

    fileprivate mutating func readBytesField() throws(AudioFrameError) -> ByteBuffer {
        guard let length = Int(exactly: try self.readVarint()), let bytes = self.readSlice(length: length) else {
            throw AudioFrameError(code: .truncated)
        }
        return bytes
    }

    fileprivate mutating func readTextField() throws(AudioFrameError) -> String {
        let bytes = try self.readBytesField()
        guard let text = try? bytes.getUTF8ValidatedString(at: bytes.readerIndex, length: bytes.readableBytes) else {
            throw AudioFrameError(code: .badText)
        }
        return text
    }

    fileprivate mutating func skipField(_ type: WireType) throws(AudioFrameError) {
        switch type {
        case .varint: _ = try self.readVarint()
        case .bytes: _ = try self.readBytesField()
        case .fixed64: guard self.readSlice(length: 8) != nil else { throw AudioFrameError(code: .truncated) }
        case .fixed32: guard self.readSlice(length: 4) != nil else { throw AudioFrameError(code: .truncated) }
        }
    }
}
