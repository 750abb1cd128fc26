import Foundation
import JSON
import Logging
import NIOCore
import Speech
import Synchronization
import WebSockets

/// Runs one `SessionMachine` on a socket: a reader feeds it, a writer does what it says and keeps its time.
final class SessionConnection: Sendable {
    private let socket: WebSocket
    private let machine: Mutex<SessionMachine>
    private let pingInterval: Duration
    private let eventLoop: any EventLoop
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    init(
        _ socket: WebSocket,
        admission: Admission,
        number: Int,
        progress: ScriptProgress,
        eventLoop: any EventLoop
    ) {
        var machine = SessionMachine(
            number: number,
            model: admission.model,
            safetyIdentifier: admission.safetyIdentifier,
            progress: progress,
            now: .now,
            epochSeconds: Int(Date().timeIntervalSince1970)
        )
        machine.open(now: .now)
        self.socket = socket
        self.machine = Mutex(machine)
        self.pingInterval = .seconds(progress.script.pingSeconds)
        self.eventLoop = eventLoop
        // One pending wake is as good as many.
        (self.wakes, self.waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func snapshot() -> SessionSnapshot {
        self.machine.withLock { machine in
            var facts = machine.facts
            facts.items = machine.conversation.items.map { $0.wire().json }
            facts.configuration = machine.configuration.wire.json
            return facts
        }
    }

    /// Breaks the connection, as when the network fails.
    func abort() {
        self.socket.abort()
    }

    /// Returns when the session is over.
    func run() async {
        self.waker.yield()
        await withTaskGroup { group in
            group.addTask { await self.read() }
            group.addTask { await self.write() }
            await group.waitForAll()
        }
        self.machine.withLock { $0.facts.isOpen = false }
    }

    private func read() async {
        defer { self.waker.finish() }
        do {
            for try await message in self.socket.inbound {
                let hasWork = self.machine.withLock { machine in
                    let now = ContinuousClock.now
                    let deadline = machine.deadline
                    switch message {
                    case .text(let text): machine.received(text, now: now)
                    case .binary: machine.receivedBinary(now: now)
                    }
                    return machine.hasOutputs || machine.deadline != deadline
                }
                if hasWork { self.waker.yield() }
            }
        } catch {
            // The peer broke the WebSocket protocol: the connection is gone, and the writer learns it from the stream.
        }
    }

    private func write() async {
        var timer: Scheduled<Void>?
        for await _ in self.wakes {
            timer?.cancel()
            timer = nil
            do {
                while true {
                    let outputs = self.machine.withLock { machine in
                        machine.advance(now: .now)
                        return machine.takeOutputs()
                    }
                    if outputs.isEmpty { break }
                    try await self.perform(outputs)
                }
            } catch {
                // The connection is gone; the reader ends the stream.
                break
            }
            if let deadline = self.machine.withLock({ $0.deadline }) {
                timer = self.eventLoop.scheduleTask(in: TimeAmount(deadline - .now)) { [waker] in _ = waker.yield() }
            }
        }
        timer?.cancel()
    }

    /// Off the connection's event loop, which must not be held up for so long.
    private static func hear(_ samples: [Int16]) async -> Hearing {
        await withTaskExecutorPreference(globalConcurrentExecutor) { SpeechRecognizer.standard.hear(samples) }
    }

    /// - Throws: when the connection is gone.
    private func perform(_ outputs: [SessionMachine.Output]) async throws {
        var events: [ByteBuffer] = []
        func flush() async throws {
            try await self.socket.send(texts: events)
            events = []
        }
        for output in outputs {
            if case .event(let event) = output {
                events.append(event)
                continue
            }
            try await flush()
            switch output {
            case .event: break
            case .hear(let item, let samples):
                let hearing = await Self.hear(samples)
                self.machine.withLock { $0.heard(hearing, item: item, now: .now) }
            case .ping:
                if self.socket.lastHeard + max(self.pingInterval * 3, .seconds(10)) < .now {
                    try await self.socket.close(code: 1011, reason: "keepalive ping timeout")
                } else {
                    try await self.socket.sendPing()
                }
            case .close(let code, let reason): try await self.socket.close(code: code, reason: reason)
            case .abort: self.socket.abort()
            case .mute: self.socket.stopReading()
            }
        }
        try await flush()
    }
}

extension Wire {
    /// For the log.
    fileprivate var json: JSONValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): Int(exactly: value).map { .integer($0) } ?? .number(value)
        case .string(let value): .string(value)
        case .array(let values): .array(values.map(\.json))
        case .object(let members): .object(Dictionary(members.map { ($0.0, $0.1.json) }, uniquingKeysWith: { $1 }))
        }
    }
}
