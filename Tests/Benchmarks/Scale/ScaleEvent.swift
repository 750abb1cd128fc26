import CallEvents
import TestSupport

/// Something that happened to the instances, and what of it was heard.
struct ScaleEvent {
    static let head = "event | partitions moved | longest gap, ms: stayed | moved | produced"

    var name: String
    var began: ContinuousClock.Instant
    var ended = ContinuousClock.now
    /// Who has each partition number.
    var before: [Int32: PartitionLog.Holder]
    var after: [Int32: PartitionLog.Holder] = [:]

    init(name: String, began: ContinuousClock.Instant, before: [Int32: PartitionLog.Holder]) {
        self.name = name
        self.began = began
        self.before = before
    }

    func row(_ speech: SpokenCalls, _ output: ConvertedAudio, partitions: Int32) -> String {
        var stayed = Gap()
        var moved = Gap()
        for call in speech.calls {
            let partition = KeyPartition.of(call.callSid, count: partitions)
            for isInbound in [true, false] {
                let seen = output[.init(callSid: call.callSid, isInbound: isInbound)]
                let gap = Gap(seen.times, from: self.began, to: self.ended)
                if self.before[partition] == self.after[partition] { stayed.add(gap) } else { moved.add(gap) }
            }
        }
        let produced = Gap(speech.ticks, from: self.began, to: self.ended)
        let count = self.after.count { self.before[$0.key] != $0.value }
        return "\(self.name) | \(count) of \(partitions) | \(stayed) | \(moved) | \(produced)"
    }
}

/// The longest time between two that follow each other.
struct Gap: CustomStringConvertible {
    private var longest: Duration?

    init() {}

    /// Those that lie within the given time, one before and one after it included.
    init(_ times: [ContinuousClock.Instant], from begin: ContinuousClock.Instant, to end: ContinuousClock.Instant) {
        for (time, next) in zip(times, times.dropFirst()) where next > begin && time < end {
            self.add(time.duration(to: next))
        }
    }

    mutating func add(_ other: Gap) {
        if let longest = other.longest { self.add(longest) }
    }

    private mutating func add(_ duration: Duration) {
        self.longest = max(self.longest ?? .zero, duration)
    }

    var description: String {
        self.longest.map { "\(($0 / .milliseconds(1)).rounded(to: 1))" } ?? "–"
    }
}
