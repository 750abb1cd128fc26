import NIOCore
import NIOHTTP1
import TwilioMedia
import WebSockets

/// Connects one media stream and serves it to its end.
struct StreamSession: Sendable {
    struct Outcome: Sendable {
        var end: StreamEnd
        var caller: MediaStream.Caller
        /// What came for the call meanwhile and ended the stream.
        var control: SimulatedCall.Control?
    }

    private enum Event: Sendable {
        case ended(StreamEnd)
        case control(SimulatedCall.Control)
        case expired
        case nothing
    }

    /// A server has so long to answer the close after `stop`.
    private static let closingTime = Duration.seconds(2)

    let url: WebhookURL
    let messages: StreamMessages
    let parameters: [TwiMLDocument.Parameter]
    let call: SimulatedCall
    let environment: CallEnvironment
    let loop: MediaLoop
    let answeredAt: ContinuousClock.Instant
    let recording: CallRecording?
    let onStarted: @Sendable () -> Void

    func run(caller: MediaStream.Caller) async -> Outcome {
        await withTaskExecutorPreference(self.loop.executor) { await self.runHere(caller: caller) }
    }

    private func runHere(caller: MediaStream.Caller) async -> Outcome {
        defer { self.call.stream = nil }
        return await withTaskGroup(of: Event.self) { group in
            group.addTask { .ended(await self.connect(caller: caller)) }
            group.addTask { await self.call.control.next().map { .control($0) } ?? .nothing }
            var outcome = Outcome(end: .stopped, caller: caller)
            for await event in group {
                switch event {
                case .ended(let end):
                    outcome.end = end
                    group.cancelAll()
                case .control(let control):
                    outcome.control = control
                    if let stream = self.call.stream {
                        stream.end(sayingStop: true)
                        group.addTask {
                            do { try await Task.sleep(for: Self.closingTime) } catch { return .nothing }
                            return .expired
                        }
                    } else {
                        group.cancelAll()
                    }
                case .expired:
                    group.cancelAll()
                case .nothing:
                    break
                }
            }
            if let stream = self.call.stream { outcome.caller = stream.caller }
            // Interrupted while it was about to begin.
            if outcome.control != nil, outcome.end == .broken { outcome.end = .stopped }
            return outcome
        }
    }

    private func connect(caller: MediaStream.Caller) async -> StreamEnd {
        var headers = HTTPHeaders()
        headers.add(name: "X-Twilio-Signature", value: self.environment.tokens.signature.compute(url: self.url.text))
        headers.add(name: "User-Agent", value: "Twilio.TmeWs/1.0")
        do {
            return try await self.loop.sockets.connect(to: self.url.text, headers: headers) { socket in
                let elapsed = ContinuousClock.now - self.answeredAt
                let stream = MediaStream(
                    messages: self.messages,
                    caller: caller,
                    startMs: Int(elapsed / .milliseconds(1)),
                    customParameters: Dictionary(
                        self.parameters.map { ($0.name, $0.value) },
                        uniquingKeysWith: { _, last in last }
                    ),
                    log: self.call.log,
                    recording: self.recording
                )
                self.call.stream = stream
                self.call.log.add(.streamStarted(sid: stream.sid))
                self.onStarted()
                self.loop.clock.add(stream)
                let end = await self.serve(stream, on: socket)
                self.loop.clock.remove(stream)
                return end
            }
        } catch let error as WebSocketError {
            switch error.code {
            case .notUpgraded: return .failed(code: 31920)
            case .connectTimedOut: return .failed(code: 31901)
            case .badURL: return .failed(code: 31923)
            case .messageTooLarge, .protocolViolation: return .failed(code: 31924)
            case .closed: return .failed(code: 31903)
            case .connectFailed:
                let isTLS = ["SSL", "TLS", "certificate"].contains { error.detail.contains($0) }
                return .failed(code: isTLS ? 31910 : 31902)
            }
        } catch is CancellationError {
            return .stopped
        } catch {
            return .failed(code: 31900)
        }
    }

    private func serve(_ stream: MediaStream, on socket: WebSocket) async -> StreamEnd {
        let wasDropped = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await Self.write(stream, to: socket)
                return false
            }
            group.addTask {
                await self.read(from: socket, into: stream)
                return false
            }
            group.addTask { await self.act(on: stream.effects, socket: socket) }
            return await group.reduce(false) { $0 || $1 }
        }
        if wasDropped { return .dropped }
        if stream.wasStopped { return .stopped }
        return socket.closedWith.map { .closedByServer(code: $0.code) } ?? .broken
    }

    /// Sends what the stream has to say, then closes.
    private static func write(_ stream: MediaStream, to socket: WebSocket) async {
        do {
            while let batch = await stream.outbox.nextBatch() { try await socket.send(texts: batch) }
            if !stream.isMuted { try await socket.close(code: 1000, reason: "") }
        } catch {
            // The reader sees that the connection is gone, and ends the stream.
            socket.abort()
        }
    }

    private func read(from socket: WebSocket, into stream: MediaStream) async {
        do {
            for try await message in socket.inbound {
                switch message {
                case .text(let text): stream.received(text)
                case .binary: stream.receivedBinary()
                }
            }
        } catch let error as WebSocketError where error.code != .closed {
            self.call.log.add(.problem(code: 31924, "\(error.code.rawValue) \(error.detail)"))
        } catch {
            // A broken connection is an end like any other.
        }
        stream.end(sayingStop: false)
    }

    /// - Returns: whether the script broke the connection.
    private func act(on effects: Mailbox<MediaStream.Effect>, socket: WebSocket) async -> Bool {
        var wasDropped = false
        while let effect = await effects.next() {
            switch effect {
            case .dropSocket:
                wasDropped = true
                socket.abort()
            case .stopReading:
                socket.stopReading()
            case .hangUp:
                self.call.control.send(.hangUp(.businessHungUp))
            }
        }
        return wasDropped
    }
}
