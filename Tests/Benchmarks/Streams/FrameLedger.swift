import Synchronization

/// What became of the frames of one direction, and how long they took.
final class FrameLedger: Sendable {
    struct Count: Sendable, Equatable {
        var sent = 0
        var arrived = 0
        var repeated = 0
        var outOfOrder = 0
        /// Not of this run, or not a frame at all.
        var foreign = 0

        var lost: Int { self.sent - self.arrived }
    }

    private struct State {
        var count = Count()
        var seen: [Bool]
        var newest: [Int]
        /// Of each stream.
        var onTheWay: [Int]
        var latencies = Latencies()
        var firstLegs = Latencies()
    }

    private let load: StreamLoad
    private let run: UInt32
    private let state: Mutex<State>

    init(_ load: StreamLoad, run: UInt32) {
        self.load = load
        self.run = run
        self.state = Mutex(
            State(
                seen: Array(repeating: false, count: load.streams * load.frames),
                newest: Array(repeating: -1, count: load.streams),
                onTheWay: Array(repeating: 0, count: load.streams)
            )
        )
    }

    var count: Count { self.state.withLock { $0.count } }
    var latencies: Latencies { self.state.withLock { $0.latencies } }
    /// Of a part of the way, where the frame says when it was there.
    var firstLegs: Latencies { self.state.withLock { $0.firstLegs } }

    func sent(of stream: Int) {
        self.state.withLock { state in
            state.count.sent += 1
            state.onTheWay[stream] += 1
        }
    }

    func sent(unidentified count: Int) {
        self.state.withLock { $0.count.sent += count }
    }

    /// Whether frames of the stream were sent that have not arrived.
    func isOnTheWay(_ stream: Int) -> Bool {
        self.state.withLock { $0.onTheWay[stream] > 0 }
    }

    /// So many frames arrived, of which it is not known which they are.
    func arrived(unidentified count: Int) {
        self.state.withLock { $0.count.arrived += count }
    }

    /// - Parameter wayPoint: when the frame was somewhere on its way, of `Clock.nanoseconds`.
    func arrived(_ tag: FrameTag?, wayPoint: UInt64? = nil) {
        let now = Clock.nanoseconds
        self.state.withLock { state in
            guard let tag, tag.run == self.run, tag.stream < self.load.streams, tag.number < self.load.frames else {
                state.count.foreign += 1
                return
            }
            let index = tag.stream * self.load.frames + tag.number
            guard !state.seen[index] else {
                state.count.repeated += 1
                return
            }
            state.seen[index] = true
            state.count.arrived += 1
            state.onTheWay[tag.stream] -= 1
            if tag.number < state.newest[tag.stream] { state.count.outOfOrder += 1 }
            state.newest[tag.stream] = max(state.newest[tag.stream], tag.number)
            guard tag.number >= self.load.firstMeasured else { return }
            state.latencies.add(from: tag.sentAt, to: now)
            if let wayPoint { state.firstLegs.add(from: tag.sentAt, to: wayPoint) }
        }
    }
}

/// Times in microseconds.
struct Latencies: Sendable {
    private var values: [UInt32] = []

    var count: Int { self.values.count }

    mutating func add(from start: UInt64, to end: UInt64) {
        self.values.append(UInt32(clamping: (end > start ? end - start : 0) / 1_000))
    }

    mutating func add(_ others: Latencies) {
        self.values += others.values
    }

    /// Such as `1.2 / 3.4`: p50 and p99 in milliseconds.
    var text: String {
        guard !self.values.isEmpty else { return "–" }
        let values = self.milliseconds(50, 99)
        return "\(values[0].rounded(to: 2)) / \(values[1].rounded(to: 1))"
    }

    /// The value below which so many percent lie, for each; 100 is the greatest, and 0 the answer when there is none.
    func milliseconds(_ percents: Int...) -> [Double] {
        let sorted = self.values.sorted()
        return percents.map { percent in
            sorted.isEmpty ? 0 : Double(sorted[min(sorted.count - 1, sorted.count * percent / 100)]) / 1_000
        }
    }
}

extension Double {
    func rounded(to digits: Int) -> Double {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
