import CallEvents
import CallFlow
import JSON
import NIOCore
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

@testable import ResultsSink

/// What of watching calls needs no broker, no store and no socket.
@Suite struct WatchingTests {
    private static let sid = Deployment.callSid

    private func event(_ body: CallEvent.OneOf_Body, of callSid: String = Self.sid) -> CallEvent {
        .with {
            $0.callSid = callSid
            $0.occurredAtUs = 1_700_000_000_000_000
            $0.body = body
        }
    }

    /// Folded up to an offset.
    private func state(of callSid: String = Self.sid, at offset: Int64) -> CallState {
        var state = CallState(callSid: callSid)
        _ = state.apply(self.event(.requested(), of: callSid), at: offset)
        return state
    }

    @Test func `positions are read back from their ids, and nothing else is`() {
        for offset: Int64 in [-1, 0, 1 << 40] {
            #expect(CallPosition(id: CallPosition(offset: offset).id)?.offset == offset)
        }
        let wall = WallPosition(offsets: [-1, 0, 35, 1 << 40])
        #expect(WallPosition(id: wall.id, partitions: 4) == wall)
        #expect(WallPosition(id: wall.id, partitions: 3) == nil)
        for id in ["", "c", "c-2", "cx", "12", "c1 ", wall.id, "c99999999999999999999"] {
            #expect(CallPosition(id: id) == nil, "\(id)")
        }
        for id in ["", "w", "w1", "w1.2.3.", "w1.2.3.-4", "w1.2.3.!", "c1"] {
            #expect(WallPosition(id: id, partitions: 4) == nil, "\(id)")
        }
    }

    @Test func `an event is lines that a browser reads, whatever it holds`() {
        let frame = StreamFrame("utterance", id: "c7", data: ["text": "one\ntwo\r\n\ndata: three"])
        var parser = EventStreamParser()
        let events = parser.add(frame.text) + parser.add(StreamFrame.ping.text)
        #expect(events.map(\.name) == ["utterance"] && events.first?.id == "c7")
        #expect(events.first?.json == ["text": "one\ntwo\r\n\ndata: three"])
    }

    @Test func `a feed folds what the store does not have, once`() {
        var feed = PartitionFeed(partition: 1, from: 10)
        feed.learn(Self.sid, self.state(at: 8))
        let changes = feed.apply(self.event(.status("ringing", 1)), at: 10, recordedAtMs: 5)
        #expect(changes?.changes.count == 2 && changes?.recordedAtMs == 5)
        #expect(feed.apply(self.event(.status("ringing", 1)), at: 10, recordedAtMs: 5) == nil)
        #expect(feed.next == 11 && feed.keptFrom == 10)
        // The store was ahead when its state was read.
        let other = Self.sid.replacing("f", with: "0")
        feed.learn(other, self.state(of: other, at: 12))
        #expect(feed.apply(self.event(.requested(), of: other), at: 12, recordedAtMs: 5) == nil)
        #expect(feed.changes { _ in true }.map(\.offset) == [10])
    }

    @Test func `a feed that has dropped changes says from where on it has all`() {
        var feed = PartitionFeed(partition: 0, from: 0, limits: PartitionFeed.Limits(changes: 8, states: 8))
        feed.learn(Self.sid, nil)
        for offset in 0..<20 {
            _ = feed.apply(self.event(.said(.person, "p\(offset)", "Hello?")), at: Int64(offset), recordedAtMs: 0)
        }
        let kept = feed.changes { _ in true }.map(\.offset)
        #expect(kept == Array(feed.keptFrom..<20) && (4...8).contains(kept.count))
    }

    @Test func `a feed forgets calls that are over, and then wants them stored`() {
        var feed = PartitionFeed(partition: 0, from: 0, limits: PartitionFeed.Limits(changes: 8, states: 1))
        for index: Int64 in 0..<3 {
            let callSid = "CA" + String(repeating: "\(index)", count: 32)
            feed.learn(callSid, nil)
            _ = feed.apply(self.event(.status("completed", 1), of: callSid), at: index, recordedAtMs: 0)
        }
        feed.trim()
        #expect(!feed.knows("CA" + String(repeating: "0", count: 32)))
        #expect(feed.knows("CA" + String(repeating: "2", count: 32)))
        #expect(feed.mustBeStored == 2)
    }

    @Test func `of what one event changed, only the last says that all was seen`() {
        var feed = PartitionFeed(partition: 0, from: 0)
        feed.learn(Self.sid, nil)
        let changes = feed.apply(self.event(.status("ringing", 1)), at: 7, recordedAtMs: 1_700_000_000_123)
        var parser = EventStreamParser()
        let events = (changes?.frames(nowUs: 0) ?? []).flatMap { parser.add($0.text) }
        #expect(events.map(\.name) == ["call", "moment"] && events.map(\.id) == ["c6", "c7"])
        #expect(events.allSatisfy { $0.json["recordedAt"] == "2023-11-14T22:13:20.123Z" })
    }

    @Test func `a watcher is told what it has not seen, of its call or of all`() async {
        var watchers = Watchers()
        let (one, wall, late) = (WatchQueue(), WatchQueue(), WatchQueue())
        watchers.add(one, of: Self.sid, seen: 4)
        watchers.add(wall, seen: [Self.sid: 5], position: WallPosition(offsets: [2, 2]))
        watchers.add(late, of: Self.sid, seen: 100)
        var call = CallRow()
        call.callSid = Self.sid
        for offset: Int64 in [4, 5, 6] {
            let changes = RecordedChanges(callSid: Self.sid, offset: offset, changes: [.call(call)])
            watchers.publish(changes, partition: 1, position: WallPosition(offsets: [2, offset]), nowUs: 0)
        }
        watchers.closeAll()
        #expect(watchers.count == 3)
        #expect(await one.next()?.count == 2)
        #expect(await wall.next()?.count == 1)
        #expect(await late.next() == nil)
        for queue in [one, wall, late] { watchers.remove(queue, of: Self.sid) }
        #expect(watchers.count == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `who reads too slowly loses levels first, and then the connection`() async {
        let queue = WatchQueue(limit: 8)
        let levels = StreamFrame("levels", id: nil, data: [:], isDurable: false)
        let call = StreamFrame("call", id: "c1", data: [:])
        queue.add(Array(repeating: levels, count: 10))
        queue.add(Array(repeating: call, count: 4))
        #expect(await queue.next()?.map(\.isDurable) == [false, false, false, false, true, true, true, true])
        queue.add(Array(repeating: call, count: 9))
        queue.add([call])
        #expect(await queue.next()?.count == 8)
        #expect(await queue.next() == nil)
    }

    @Test(.timeLimit(.minutes(1))) func `a queue that waits ends with its task`() async {
        let queue = WatchQueue()
        let task = Task { await queue.next() }
        task.cancel()
        #expect(await task.value == nil)
    }

    @Test func `history comes in the order in which it happened, and resumes behind what was seen`() {
        var call = CallRow()
        call.callSid = Self.sid
        call.eventOffset = 9
        var history = CallHistory(call: call)
        for (index, offset): (Int, Int64) in [(0, 7), (1, 3)] {
            var row = UtteranceRow()
            row.itemID = "i\(index)"
            row.text = "Hello"
            row.position = index
            row.eventOffset = offset
            history.utterances.append(row)
        }
        var tool = ToolRow()
        tool.toolCallID = "c1"
        tool.eventOffset = 5
        history.tools = [tool]
        // The store has not taken the quote in yet.
        let state = CallState.with { $0.quotes = [.service] }
        func events(after offset: Int64) -> [ServerSentEvent] {
            var parser = EventStreamParser()
            return history.frames(after: CallPosition(offset: offset), state: state, nowUs: 0)
                .flatMap { parser.add($0.text) }
        }
        #expect(events(after: -1).map(\.name) == ["call", "utterance", "tool", "quote", "utterance"])
        #expect(events(after: -1).map(\.id) == ["c-1", "c3", "c4", "c5", "c7"])
        #expect(events(after: 5).map(\.name) == ["call", "utterance"])
        #expect(events(after: 9).isEmpty)
        #expect(history.recorded(after: 5, state: state).map(\.offset) == [7, 9])
    }
}
