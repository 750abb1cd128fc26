import CallEvents
import Kafka
import OpenAIRealtime
import Synchronization
import WebSockets

/// What waits for the task that owns a call.
///
/// Nothing that is put in here waits for room, except the model's messages, whose reader does, so that a call whose own
/// output is stuck reads no more. Audio is bounded at 15 s: the oldest is dropped, and counted. Commands and what
/// becomes of the socket are few and never dropped.
final class CallMailbox: Sendable {
    enum Input: Sendable {
        case command(CallCommand)
        case opened(WebSocket, connection: Int)
        case model(ModelEvent, atUs: Int64, connection: Int)
        case lost(ConnectionLoss, connection: Int)
        case timer(ConversationTimer)
        /// An event could not be written: the conversation may differ from what others believe it to be.
        case eventLost(KafkaError)
    }

    struct Batch: Sendable {
        var inputs: [Input]
        var frames: [AudioFrame]
        /// Frames that were dropped since the last batch.
        var droppedFrames: Int
    }

    private static let frameLimit = 750
    private static let modelLimit = 512

    private struct State {
        var inputs: [Input] = []
        var frames: [AudioFrame] = []
        var droppedFrames = 0
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?

        var hasMail: Bool { self.isClosed || !self.inputs.isEmpty || !self.frames.isEmpty }

        mutating func dropExcess() {
            let excess = self.frames.count - CallMailbox.frameLimit
            guard excess > 0 else { return }
            self.frames.removeFirst(excess)
            self.droppedFrames += excess
        }

        /// What waits is given away, not copied: this happens for each frame.
        mutating func take() -> Batch {
            defer {
                self.inputs = []
                self.frames = []
                self.droppedFrames = 0
            }
            return Batch(inputs: self.inputs, frames: self.frames, droppedFrames: self.droppedFrames)
        }
    }

    private let state = Mutex(State())

    func put(_ input: Input) {
        self.change { $0.inputs.append(input) }
    }

    func put(_ frame: AudioFrame) {
        self.change { state in
            state.frames.append(frame)
            state.dropExcess()
        }
    }

    func put(_ frames: [AudioFrame]) {
        self.change { state in
            state.frames += frames
            state.dropExcess()
        }
    }

    /// For the one task that reads the model's messages: returns when there is room for more.
    func putWhenThereIsRoom(_ input: Input) async {
        self.put(input)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumeNow = self.state.withLock { state in
                    if state.isClosed || state.inputs.count < Self.modelLimit || Task.isCancelled { return true }
                    state.writer = continuation
                    return false
                }
                if resumeNow { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { state in
                defer { state.writer = nil }
                return state.writer
            }?.resume()
        }
    }

    /// The call's task is to end.
    func close() {
        self.change { $0.isClosed = true }
    }

    /// Everything that waits, as soon as there is something; nil when closed. For the one task that owns the call, whose
    /// cancellation is to close this.
    func next() async -> Batch? {
        await withCheckedContinuation { continuation in
            let resumeNow = self.state.withLock { state in
                if state.hasMail { return true }
                state.reader = continuation
                return false
            }
            if resumeNow { continuation.resume() }
        }
        let (batch, writer) = self.state.withLock { state -> (Batch?, CheckedContinuation<Void, Never>?) in
            defer { state.writer = nil }
            return (state.isClosed ? nil : state.take(), state.writer)
        }
        writer?.resume()
        return batch
    }

    private func change(_ body: (inout sending State) -> Void) {
        let (reader, writer) = self.state.withLock { state in
            body(&state)
            return (state.hasMail ? state.reader.take() : nil, state.isClosed ? state.writer.take() : nil)
        }
        reader?.resume()
        writer?.resume()
    }
}
