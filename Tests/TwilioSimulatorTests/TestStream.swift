import JSON
import NIOCore
import Synchronization
import TwilioMedia
import WebSockets

/// The server's end of one media stream.
final class TestStream: Sendable {
    struct Message: Sendable {
        var json: JSONValue
        var at: ContinuousClock.Instant

        var event: String { self.json["event"]?.stringValue ?? "" }
    }

    let socket: WebSocket
    private let log = Mutex<[Message]>([])

    init(socket: WebSocket) { self.socket = socket }

    var messages: [Message] { self.log.withLock { $0 } }

    /// Calls `handle` with each message; what is not JSON has the event "".
    func read(_ handle: @Sendable (Message) async throws -> Void) async {
        do {
            for try await message in self.socket.inbound {
                guard case .text(let text) = message else { continue }
                let json = (try? JSONValue(parsing: text.readableBytesView)) ?? .null
                let received = Message(json: json, at: .now)
                self.log.withLock { $0.append(received) }
                try await handle(received)
            }
        } catch {
            // The tests look at what arrived.
        }
    }

    func readToEnd() async { await self.read { _ in } }

    func send(_ text: String) async throws { try await self.socket.send(text: ByteBuffer(string: text)) }

    func send(_ command: MediaStreamCommand, streamSid: String) async throws {
        try await self.socket.send(text: MediaStreamWriter(streamSid: streamSid).message(command))
    }

    static func audio(milliseconds: Int, _ code: UInt8 = 0x20) -> MediaStreamCommand {
        .media(payload: ByteBuffer(repeating: code, count: 8 * milliseconds))
    }
}

extension TestStream.Message {
    var streamSid: String { self.json["streamSid"]?.stringValue ?? "" }
    var markName: String? { self.json["mark"]?["name"]?.stringValue }

    var payload: [UInt8] {
        let text = self.json["media"]?["payload"]?.stringValue ?? ""
        return Base64.decode(ByteBuffer(string: text)).map { Array($0.readableBytesView) } ?? []
    }
}
