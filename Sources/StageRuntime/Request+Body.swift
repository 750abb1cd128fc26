package import Hummingbird
package import NIOCore

extension Request {
    /// - Throws: `Problem` with status 413 when the body is longer, 400 when it breaks off or is no HTTP.
    package func limitedBody(upTo maxBytes: Int) async throws -> ByteBuffer {
        do {
            return try await self.body.collect(upTo: maxBytes)
        } catch is NIOTooManyBytesError {
            throw Problem(.contentTooLarge, "The body must have at most \(maxBytes) bytes.")
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Problem(.badRequest, "The body could not be read.")
        }
    }
}
