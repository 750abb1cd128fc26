import NIOCore
import SeededRandom
import Testing

@testable import TwilioIngress

@Suite struct FinishedOffsetsTests {
    @Test func `says nothing before the first record`() {
        var offsets = FinishedOffsets()
        offsets.finished(3)
        #expect(offsets.next == nil)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `is the highest offset below which all is done, in any order`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var offsets = FinishedOffsets()
        var received: [Int64] = []
        var open: Set<Int64> = []
        var last: Int64 = .min
        var offset = Int64.random(in: 0...5, using: &random)
        for _ in 0..<120 {
            if open.isEmpty || Bool.random(using: &random) {
                offsets.received(offset)
                received.append(offset)
                open.insert(offset)
                // A partition has gaps: control records, compaction.
                offset += Int64.random(in: 1...3, using: &random)
            } else if let done = open.randomElement(using: &random) {
                offsets.finished(done)
                open.remove(done)
            }
            let next = offsets.next ?? -1
            #expect(next == open.min() ?? received[received.count - 1] + 1)
            #expect(received.allSatisfy { $0 >= next || !open.contains($0) })
            #expect(next >= last)
            last = next
        }
    }

    @Test func `a record that comes again is to be done again`() {
        var offsets = FinishedOffsets()
        for offset in 5...7 as ClosedRange<Int64> { offsets.received(offset) }
        for offset in 5...7 as ClosedRange<Int64> { offsets.finished(offset) }
        #expect(offsets.next == 8)
        offsets.received(6)
        offsets.received(6)
        #expect(offsets.next == 6)
        offsets.finished(6)
        #expect(offsets.next == 8)
    }
}

@Suite struct CommandScheduleTests {
    private static func call(_ number: Int) -> ByteBuffer { ByteBuffer(string: "call-\(number)") }

    /// Calls lie in the partition of their number modulo 3.
    private struct Model {
        var schedule = CommandSchedule<Int>(limit: 4)
        var received: [Int: [Int]] = [:]
        var started: [Int: [Int]] = [:]
        var running: [(call: Int, job: CommandSchedule<Int>.Job)] = []
        var offset: Int64 = 0
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `keeps each call's order, holds none up, and stays within its limit`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var model = Model()
        for step in 0..<200 {
            if Bool.random(using: &random) {
                let call = Int.random(in: 0..<7, using: &random)
                model.schedule.received(
                    step,
                    of: Self.call(call),
                    partition: Int32(call % 3),
                    offset: model.offset
                )
                model.offset += 1
                model.received[call, default: []].append(step)
            } else if !model.running.isEmpty {
                let index = Int.random(in: 0..<model.running.count, using: &random)
                let finished = model.schedule.finished(model.running.remove(at: index).job)
                let stored = try #require(finished)
                #expect(stored <= model.offset)
            }
            while let job = model.schedule.next() {
                let call = try #require((0..<7).first { Self.call($0) == job.call })
                #expect(!model.running.contains { $0.call == call }, "two of one call at once")
                model.started[call, default: []].append(job.work)
                model.running.append((call, job))
            }
            #expect(model.running.count <= 4)
            // Whoever waits has one running before it, or there is no room.
            let waiting = (0..<7).filter { (model.started[$0] ?? []).count < (model.received[$0] ?? []).count }
            if model.running.count < 4 {
                #expect(waiting.allSatisfy { call in model.running.contains { $0.call == call } })
            }
        }
        for (call, started) in model.started { #expect(started == Array(model.received[call]!.prefix(started.count))) }
        while !model.running.isEmpty {
            _ = model.schedule.finished(model.running.removeFirst().job)
            while let job = model.schedule.next() { model.running.append((0, job)) }
        }
        #expect(model.schedule.isIdle)
    }

    @Test func `a revoked partition starts nothing more, and what runs is stored`() throws {
        var schedule = CommandSchedule<String>(limit: 4)
        schedule.received("a1", of: Self.call(1), partition: 1, offset: 10)
        schedule.received("a2", of: Self.call(1), partition: 1, offset: 11)
        schedule.received("b1", of: Self.call(2), partition: 2, offset: 5)
        let next = schedule.next()
        let first = try #require(next)
        schedule.revoke([1])
        let started = [schedule.next(), schedule.next()].map { $0?.work }
        #expect(started == ["b1", nil])
        #expect(schedule.isRunning([1]))
        let stored = schedule.finished(first)
        #expect(stored == 11)
        let nothing = schedule.next()
        #expect(!schedule.isRunning([1]) && nothing?.work == nil && schedule.waiting == 0)
    }

    @Test func `a lost partition stops what runs and stores nothing, and may come back`() throws {
        var schedule = CommandSchedule<String>(limit: 1)
        schedule.received("a1", of: Self.call(1), partition: 1, offset: 10)
        schedule.received("a2", of: Self.call(1), partition: 1, offset: 11)
        let next = schedule.next()
        let first = try #require(next)
        let stopped = schedule.drop([1])
        #expect(stopped.map(\.work) == ["a1"])
        schedule.received("a1 again", of: Self.call(1), partition: 1, offset: 10)
        let repeated = schedule.next()
        let again = try #require(repeated)
        #expect(again.work == "a1 again")
        let stored = [schedule.finished(first), schedule.finished(again)]
        #expect(stored == [nil, 11])
        #expect(schedule.isIdle)
    }
}
