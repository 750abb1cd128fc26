import CallEvents
import NIOCore
import Testing

@testable import CallRecorder

struct CallMixerTests {
    /// Where the sound of a track begins and ends, in milliseconds; pauses below 100 ms do not count.
    private static func sounds(_ track: [UInt8]) -> [Range<Int>] {
        var sounds: [Range<Int>] = []
        for start in stride(from: 0, to: track.count, by: 8) where track[start] != 0xff {
            let ms = start / 8
            if let last = sounds.last, ms - last.upperBound < 100 {
                sounds[sounds.count - 1] = last.lowerBound..<ms + 1
            } else {
                sounds.append(ms..<ms + 1)
            }
        }
        return sounds
    }

    private static func expectAligned(_ recorded: Recorded, _ line: PhoneLine, toleranceMs: Int = 40) {
        // The end of the call may be missing as long as messages take.
        #expect(recorded.caller == Array(line.caller.prefix(recorded.caller.count)))
        let (found, expected) = (Self.sounds(recorded.agent), Self.sounds(line.agent))
        #expect(found.count == expected.count, "\(found) \(expected)")
        for (found, expected) in zip(found, expected) {
            #expect(abs(found.lowerBound - expected.lowerBound) <= toleranceMs, "\(found) \(expected)")
            #expect(abs(found.upperBound - expected.upperBound) <= toleranceMs, "\(found) \(expected)")
        }
        #expect(recorded.mixer.framesWithoutAgent == 0 && recorded.axis.unplaceable == 0)
    }

    /// The agent's side without silence.
    private static func said(_ track: [UInt8]) -> [UInt8] { track.filter { $0 != 0xff } }

    @Test(arguments: [0, 1, 3])
    func `both sides lie where the phone had them, whatever the way there takes`(delay: Int) {
        var line = PhoneLine(delay: delay)
        line.run(ms: 1_000)
        line.say(speech(ms: 3_000, seed: 1), item: "a")
        line.say(speech(ms: 240, seed: 2), item: "b")
        line.run(ms: 5_000)
        line.say(speech(ms: 500, seed: 3), item: "c")
        line.run(ms: 2_000)
        let recorded = Recorded(inbound: line.inbound, outbound: line.outbound)
        Self.expectAligned(recorded, line)
        #expect(recorded.caller.count >= line.caller.count - 20 * 8 * (delay + 1))
        // Nothing is lost and nothing is cut into.
        #expect(Self.said(recorded.agent) == Self.said(line.agent))
        #expect(recorded.axis.streams == 1 && !recorded.axis.beginsLate)
    }

    @Test(arguments: [0, 2])
    func `an interrupted sentence ends where it was cut`(delay: Int) {
        var line = PhoneLine(delay: delay)
        line.say(speech(ms: 8_000, seed: 1), item: "a")
        line.run(ms: 2_500)
        line.clear()
        // Late frames of the reply that was cut.
        line.playoutEpoch -= 1
        line.say(speech(ms: 400, seed: 9), item: "a")
        line.playoutEpoch += 1
        line.run(ms: 1_500)
        line.say(speech(ms: 1_000, seed: 2), item: "b")
        line.run(ms: 3_000)
        let recorded = Recorded(inbound: line.inbound, outbound: line.outbound)
        // Until the clear is there the phone plays on, of which the ingress never learns.
        Self.expectAligned(recorded, line, toleranceMs: 100 + 2 * delay * PhoneLine.frameMs)
        let spokenMs = Self.sounds(recorded.agent).map(\.count)
        #expect(spokenMs.count == 2 && abs((spokenMs.first ?? 0) - 2_500) <= 100)
    }

    @Test func `what was sent behind a sentence that was cut and never began is not there`() {
        var line = PhoneLine()
        line.say(speech(ms: 2_000, seed: 1), item: "a")
        line.say(speech(ms: 2_000, seed: 2), item: "b")
        line.run(ms: 500)
        line.clear()
        line.run(ms: 500)
        line.say(speech(ms: 1_000, seed: 3), item: "c")
        line.run(ms: 2_000)
        let recorded = Recorded(inbound: line.inbound, outbound: line.outbound)
        Self.expectAligned(recorded, line)
        #expect(Self.said(recorded.agent).suffix(8_000) == Self.said(speech(ms: 1_000, seed: 3)))
    }

    @Test(arguments: [0, 2])
    func `streams follow one another as far apart as they were, and what did not play on one is on the next`(delay: Int)
    {
        var line = PhoneLine(delay: delay)
        let sentence = speech(ms: 6_000, seed: 1)
        line.run(ms: 400)
        line.say(sentence, item: "a")
        line.run(ms: 2_000)
        line.isDown(forMs: 3_420)
        line.connect()
        line.run(ms: 300)
        line.say(Array(sentence.dropFirst(2_000 * 8)), item: "a")
        line.run(ms: 6_000)
        let recorded = Recorded(inbound: line.inbound, outbound: line.outbound)
        #expect(recorded.axis.streams == 2)
        let (found, expected) = (Self.sounds(recorded.agent), Self.sounds(line.agent))
        #expect(found.count == 2)
        for (found, expected) in zip(found, expected) {
            #expect(abs(found.lowerBound - expected.lowerBound) <= 60, "\(found) \(expected)")
            #expect(abs(found.upperBound - expected.upperBound) <= 60 + 20 * delay, "\(found) \(expected)")
        }
        // The caller's side of the second stream is as far behind the first as it was.
        let tail = recorded.caller.suffix(8_000)
        #expect(line.caller.suffix(8_000 + 320 * (delay + 1)).contains(tail.prefix(160)))
        #expect(abs(recorded.caller.count - line.caller.count) <= 8 * 20 * (delay + 2))
    }

    @Test func `repeats, frames of a lost session and of an old stream change nothing`() {
        var line = PhoneLine()
        line.sessionEpoch = 7
        line.run(ms: 200)
        line.say(speech(ms: 2_000, seed: 1), item: "a")
        line.run(ms: 1_000)
        let seen = line.outbound[20]
        line.offer(seen)
        line.sessionEpoch = 5
        line.say(speech(ms: 600, seed: 4), item: "zombie")
        line.sessionEpoch = 7
        line.run(ms: 3_000)
        let inbound = line.inbound.flatMap { [$0, $0] } + line.inbound.suffix(60)
        let recorded = Recorded(inbound: inbound, outbound: line.outbound)
        Self.expectAligned(recorded, line)
        #expect(Self.said(recorded.agent) == Self.said(line.agent))
    }

    @Test func `silence that was made for a gap does not move the agent`() {
        var line = PhoneLine()
        line.run(ms: 200)
        line.say(speech(ms: 4_000, seed: 1), item: "a")
        line.run(ms: 5_000)
        // 600 ms of the caller came in one go with the last of them: what ingress makes of a gap.
        var inbound = line.inbound
        for index in 60..<90 {
            inbound[index].receivedAtUs = inbound[90].receivedAtUs
            inbound[index].playout = inbound[90].playout
        }
        let recorded = Recorded(inbound: inbound, outbound: line.outbound)
        Self.expectAligned(recorded, line)
        #expect(Self.said(recorded.agent) == Self.said(line.agent))
    }

    @Test func `agent audio that is not kept any more is silence, and counted`() {
        var line = PhoneLine()
        line.say(speech(ms: 1_000, seed: 1), item: "a")
        line.run(ms: 2_000)
        line.say(speech(ms: 1_000, seed: 2), item: "b")
        line.run(ms: 2_000)
        let kept = line.outbound.filter { $0.itemID == "b" }
        let recorded = Recorded(inbound: Array(line.inbound.dropFirst(10)), outbound: kept)
        #expect(Self.said(recorded.agent) == Self.said(speech(ms: 1_000, seed: 2)))
        #expect(recorded.mixer.framesWithoutAgent > 30)
        #expect(recorded.axis.beginsLate)
    }

    @Test func `half an hour takes no more memory than a minute`() {
        func talk(minutes: Int) -> (PhoneLine, Recorded) {
            var line = PhoneLine(delay: 1)
            for turn in 0..<minutes * 6 {
                line.say(speech(ms: 6_000, seed: turn), item: "item\(turn)")
                line.run(ms: 4_000)
                if turn % 3 == 0 { line.clear() } else { line.run(ms: 3_000) }
                line.run(ms: turn % 3 == 0 ? 6_000 : 3_000)
            }
            return (line, Recorded(inbound: line.inbound, outbound: line.outbound))
        }
        let (_, short) = talk(minutes: 1)
        let (line, long) = talk(minutes: 30)
        Self.expectAligned(long, line, toleranceMs: 100)
        #expect(long.mostHeldMs <= short.mostHeldMs + 100)
        #expect(short.mostHeldMs < 15_000)
    }

    @Test func `frames with impossible times are left out`() {
        var line = PhoneLine()
        line.run(ms: 2_000)
        var inbound = line.inbound
        inbound[50].timestampMs = .max
        inbound[60].timestampMs = 0
        inbound[61].payload = ByteBuffer(bytes: [1, 2, 3])
        inbound[62].codec = .pcm24k
        let recorded = Recorded(inbound: inbound, outbound: [])
        #expect(recorded.axis.unplaceable == 4)
        #expect(abs(recorded.caller.count - line.caller.count) <= 320)
    }

    @Test func `an agent's audio that never plays does not pile up`() {
        var audio = AgentAudio(streamEpoch: 1)
        for sequence in 0..<60_000 {
            audio.received(
                AudioFrame(
                    codec: .pcmu,
                    payload: ByteBuffer(repeating: 1, count: 160),
                    streamEpoch: 1,
                    sequence: UInt64(sequence),
                    itemID: "a"
                )
            )
        }
        #expect(audio.waitingMs <= AgentAudio.capacityMs)
        #expect(audio.take(upTo: AudioFrame.Playout(itemID: "a", playedMs: 1_200_000)).readableBytes <= 8 * 600_000)
    }
}
