import Logging
import NIOCore
import NIOHTTP1
import OpenAIRealtime
import StageRuntime
import WebSockets

/// How a connection to the model ended, or why there was none.
struct ConnectionLoss: Sendable, Equatable {
    /// For events and logs: a code, never content.
    var reason: String
    /// No other attempt can succeed.
    var isFinal: Bool
}

/// The connections of one call to the model: opens each when it is asked for, and reads it. There is one at a time, or
/// two while a session takes the place of another.
struct ModelConnection: Sendable {
    struct Request: Sendable {
        var number: Int
        var delay: Duration
    }

    let client: WebSocketClient
    let watch: SilenceWatch
    let configuration: SessionConfiguration
    /// Empty for none.
    let safetyIdentifier: String
    let mailbox: CallMailbox
    let logger: Logger

    /// Serves requests until the task is cancelled.
    func run(_ requests: AsyncStream<Request>) async {
        await withDiscardingTaskGroup { group in
            for await request in requests {
                group.addTask { await self.answer(request) }
            }
        }
    }

    private func answer(_ request: Request) async {
        if request.delay > .zero, (try? await Task.sleep(for: request.delay)) == nil { return }
        let loss = await self.serve(request.number)
        if Task.isCancelled { return }
        self.logger.info("Connection to the model ended", metadata: ["reason": "\(loss.reason)"])
        self.mailbox.put(.lost(loss, connection: request.number))
    }

    private func serve(_ number: Int) async -> ConnectionLoss {
        var headers: HTTPHeaders = ["Authorization": "Bearer \(self.configuration.apiKey)"]
        if !self.safetyIdentifier.isEmpty {
            headers.add(name: "OpenAI-Safety-Identifier", value: self.safetyIdentifier)
        }
        do {
            return try await self.client.connect(to: self.configuration.connectURL, headers: headers) { socket in
                self.mailbox.put(.opened(socket, connection: number))
                let watched = self.watch.add(socket)
                defer {
                    self.watch.remove(watched)
                    // The other end need not agree to the end, and its agreement is not waited for.
                    socket.abort()
                }
                let loss = await self.read(socket, number)
                return watched.wasSilent ? ConnectionLoss(reason: "silent", isFinal: false) : loss
            }
        } catch let error as WebSocketError {
            return ConnectionLoss(error)
        } catch {
            return ConnectionLoss(reason: "failed", isFinal: false)
        }
    }

    private func read(_ socket: WebSocket, _ number: Int) async -> ConnectionLoss {
        let driver = self.configuration.makeDriver()
        do {
            for try await message in socket.inbound {
                let atUs = UnixTime.nowUs
                guard case .text(let text) = message else { continue }
                do {
                    let event = try driver.event(text)
                    if case .other = event { continue }
                    await self.mailbox.putWhenThereIsRoom(.model(event, atUs: atUs, connection: number))
                } catch {
                    // One message that cannot be read is not the end of the session.
                    let problem = "\(error.code.rawValue) \(error.field ?? "")"
                    self.logger.warning("Unreadable message of the model", metadata: [LogKey.error: "\(problem)"])
                }
            }
        } catch {
            return ConnectionLoss(reason: "protocol_violation", isFinal: false)
        }
        guard let close = socket.closedWith else { return ConnectionLoss(reason: "broken", isFinal: false) }
        return ConnectionLoss(reason: "closed_\(close.code)", isFinal: close.code >= 3000)
    }
}

extension ConnectionLoss {
    init(_ error: WebSocketError) {
        switch (error.code, error.status) {
        case (.notUpgraded, let status?):
            // Too many requests and the server's own trouble pass; the rest is about the key, the path or the model.
            self.init(reason: "http_\(status)", isFinal: (400..<500).contains(status) && status != 408 && status != 429)
        case (.badURL, _): self.init(reason: error.code.rawValue, isFinal: true)
        default: self.init(reason: error.code.rawValue, isFinal: false)
        }
    }
}
