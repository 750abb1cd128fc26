import NIOCore
import NIOWebSocket

/// Turns messages into frames (RFC 6455, section 5.2), several into one buffer, so that a batch is one write.
struct FrameEncoding: Sendable {
    /// What a frame adds to its payload at most: two bytes, a 64-bit length and a mask.
    static let maximumOverhead = 14

    /// A client masks what it sends.
    let masks: Bool

    func append(_ payload: ByteBuffer, opcode: WebSocketOpcode, to out: inout ByteBuffer) {
        let count = payload.readableBytes
        let maskBit: UInt8 = self.masks ? 0x80 : 0
        let first = 0x80 | UInt8(webSocketOpcode: opcode)
        switch count {
        case ...125: out.writeMultipleIntegers(first, UInt8(count) | maskBit)
        case ...0xffff: out.writeMultipleIntegers(first, 126 | maskBit, UInt16(count))
        default: out.writeMultipleIntegers(first, 127 | maskBit, UInt64(count))
        }
        guard self.masks else {
            out.writeImmutableBuffer(payload)
            return
        }
        let mask = FrameMasks.next()
        out.writeInteger(mask)
        let start = out.writerIndex
        out.writeImmutableBuffer(payload)
        Self.apply(mask, to: &out, from: start)
    }

    /// A close frame's payload; the reason is cut to fit the 125 bytes of a control frame.
    static func closePayload(code: UInt16, reason: String) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.writeInteger(code)
        var length = 0
        // Whole characters, so that what is left is still UTF-8.
        let fitting = reason.prefix { character in
            length += character.utf8.count
            return length <= 123
        }
        payload.writeString(String(fitting))
        return payload
    }

    /// XORs everything from index `start` on with the four bytes of `mask` in network order, eight bytes at a time.
    static func apply(_ mask: UInt32, to buffer: inout ByteBuffer, from start: Int) {
        let skipped = start - buffer.readerIndex
        let wide = (UInt64(mask) << 32 | UInt64(mask)).bigEndian
        buffer.withUnsafeMutableReadableBytes { bytes in
            let payload = UnsafeMutableRawBufferPointer(rebasing: bytes[skipped...])
            var index = 0
            while index + 8 <= payload.count {
                let word = payload.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                payload.storeBytes(of: word ^ wide, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            while index < payload.count {
                payload[index] ^= UInt8(truncatingIfNeeded: mask >> UInt32(24 - 8 * (index & 3)))
                index += 1
            }
        }
    }
}

extension WebSocketFrame {
    /// The payload without its mask.
    var payload: ByteBuffer {
        guard let key = self.maskKey else { return self.data }
        var mask: UInt32 = 0
        for byte in key { mask = mask << 8 | UInt32(byte) }
        var data = self.data
        FrameEncoding.apply(mask, to: &data, from: data.readerIndex)
        return data
    }
}
