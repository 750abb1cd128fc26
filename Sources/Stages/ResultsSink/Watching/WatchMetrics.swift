import CoreMetrics
import Metrics

/// What watching calls costs, and how fast it is.
struct WatchMetrics: Sendable {
    private let watchers = Gauge(label: "voice_watchers_active")
    private let events = Counter(label: "voice_watch_events_total")
    private let latency = Timer(label: "voice_watch_latency_seconds")

    func set(watchers: Int) { self.watchers.record(watchers) }

    /// - Parameter nowMs: when the frames were written to the socket, Unix milliseconds.
    func wrote(_ frames: [StreamFrame], nowMs: Int64) {
        self.events.increment(by: frames.count)
        for recordedAtMs in frames.compactMap(\.recordedAtMs) {
            self.latency.recordMilliseconds(max(0, nowMs - recordedAtMs))
        }
    }
}
