import CallEvents
import Kafka
import NIOCore
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
        var frames = CircularBuffer<AudioFrame>()
        var droppedFrames = 0
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?

        var hasMail: Bool { self.isClosed || !self.inputs.isEmpty || !self.frames.isEmpty }
    }

    private let state = Mutex(State())

    func put(_ input: Input) {
        self.change { $0.inputs.append(input) }
    }

    func put(_ frames: some Collection<AudioFrame>) {
        self.change { state in
            state.frames.append(contentsOf: frames)
            let excess = max(0, state.frames.count - Self.frameLimit)
            state.frames.removeFirst(excess)
            state.droppedFrames += excess
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

    /// Everything that waits, as soon as there is something; nil when closed.
    func next() async -> Batch? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumeNow = self.state.withLock { state in
                    if state.hasMail { return true }
                    state.reader = continuation
                    return false
                }
                if resumeNow { continuation.resume() }
            }
        } onCancel: {
            self.close()
        }
        let (batch, writer) = self.state.withLock { state -> (Batch?, CheckedContinuation<Void, Never>?) in
            defer { state.writer = nil }
            guard !state.isClosed else { return (nil, state.writer) }
            let batch = Batch(
                inputs: state.inputs,
                frames: Array(state.frames),
                droppedFrames: state.droppedFrames
            )
            state.inputs.removeAll(keepingCapacity: true)
            state.frames.removeAll(keepingCapacity: true)
            state.droppedFrames = 0
            return (batch, state.writer)
        }
        writer?.resume()
        return batch
    }

    private func change(_ body: (inout sending State) -> Void) {
        let waiting = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            body(&state)
            var waiting: [CheckedContinuation<Void, Never>] = []
            if state.hasMail, let reader = state.reader {
                state.reader = nil
                waiting.append(reader)
            }
            if state.isClosed, let writer = state.writer {
                state.writer = nil
                waiting.append(writer)
            }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
