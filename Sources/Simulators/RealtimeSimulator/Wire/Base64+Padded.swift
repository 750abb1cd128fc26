import JSON
import NIOCore

extension Base64 {
    /// Strict, as the service is: padding may not be left out.
    /// - Returns: nil when `text` is not base64 of whole bytes.
    static func decodePadded(_ text: Span<UInt8>) -> [UInt8]? {
        var bytes = ByteBuffer()
        guard text.count % 4 == 0, self.decode(text, to: &bytes) else { return nil }
        return Array(buffer: bytes)
    }

    static func decodePadded(_ text: String) -> [UInt8]? {
        self.decodePadded(text.utf8.span)
    }
}
