import NIOCore

/// Which records of a topic are worked on when: those of one call one after the other, in their order; those of
/// different calls side by side, at most `limit` of them.
///
/// A record's partition may go to another instance at any time: what waits is then forgotten, and what is under way
/// either comes to its end (`revoke`) or is stopped (`drop`).
struct CommandSchedule<Work: Sendable>: Sendable {
    struct Job: Sendable {
        /// Unique within the schedule.
        fileprivate(set) var id: UInt64
        /// The call, by the key of its records.
        var call: ByteBuffer
        var partition: Int32
        var offset: Int64
        var work: Work
    }

    private struct Call {
        var waiting = CircularBuffer<Job>()
        var isRunning = false
    }

    private let limit: Int
    private var offsets: [Int32: FinishedOffsets] = [:]
    private var calls: [ByteBuffer: Call] = [:]
    /// Calls of which a job waits and none runs, in the order in which that came about.
    private var startable = CircularBuffer<ByteBuffer>()
    private var running: [UInt64: Job] = [:]
    private var nextID: UInt64 = 0

    /// - Parameter limit: how many jobs may run at once.
    init(limit: Int) {
        self.limit = limit
    }

    var isIdle: Bool { self.running.isEmpty && self.waiting == 0 }

    private(set) var waiting = 0

    mutating func received(_ work: Work, of call: ByteBuffer, partition: Int32, offset: Int64) {
        self.nextID += 1
        self.offsets[partition, default: FinishedOffsets()].received(offset)
        let job = Job(id: self.nextID, call: call, partition: partition, offset: offset, work: work)
        if self.calls[call] == nil { self.startable.append(call) }
        self.calls[call, default: Call()].waiting.append(job)
        self.waiting += 1
    }

    /// The next job to start now, if there is one and room for it; `finished` must follow.
    mutating func next() -> Job? {
        guard self.running.count < self.limit, let call = self.startable.popFirst() else { return nil }
        // A call in `startable` has a job that waits.
        guard let job = self.calls[call]?.waiting.popFirst() else { return nil }
        self.calls[call]?.isRunning = true
        self.waiting -= 1
        self.running[job.id] = job
        return job
    }

    /// A job that `next` gave came to its end.
    /// - Returns: the offset to store for its partition; nil when the partition is not ours any more.
    mutating func finished(_ job: Job) -> Int64? {
        guard self.running.removeValue(forKey: job.id) != nil else { return nil }
        self.release(job.call)
        self.offsets[job.partition]?.finished(job.offset)
        return self.offsets[job.partition]?.next
    }

    /// These partitions are about to go elsewhere: nothing more of them starts. What runs should come to its end.
    mutating func revoke(_ partitions: some Collection<Int32>) {
        let gone = Set(partitions)
        for call in self.calls.keys {
            guard let waiting = self.calls[call]?.waiting else { continue }
            let kept = waiting.filter { !gone.contains($0.partition) }
            guard kept.count < waiting.count else { continue }
            self.waiting -= waiting.count - kept.count
            self.calls[call]?.waiting = CircularBuffer(kept)
            if kept.isEmpty, self.calls[call]?.isRunning == false { self.calls[call] = nil }
        }
        self.startable = CircularBuffer(self.startable.filter { self.calls[$0] != nil })
    }

    /// These partitions are not ours any more.
    /// - Returns: the jobs that must stop; `finished` of one of them says nothing.
    mutating func drop(_ partitions: some Collection<Int32>) -> [Job] {
        self.revoke(partitions)
        let gone = Set(partitions)
        let stopped = self.running.values.filter { gone.contains($0.partition) }
        for job in stopped {
            self.running[job.id] = nil
            self.release(job.call)
        }
        for partition in gone { self.offsets[partition] = nil }
        return stopped
    }

    func isRunning(_ partitions: some Collection<Int32>) -> Bool {
        self.running.values.contains { partitions.contains($0.partition) }
    }

    private mutating func release(_ call: ByteBuffer) {
        self.calls[call]?.isRunning = false
        if self.calls[call]?.waiting.isEmpty == true {
            self.calls[call] = nil
        } else if self.calls[call] != nil {
            self.startable.append(call)
        }
    }
}
