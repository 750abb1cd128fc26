import Audio
import Foundation
import NIOCore

/// What a phone played of the agent, compared with what the agent was to say, frame by frame of 20 ms.
///
/// The recording is walked along the script. Where the script does not go on there is a seam: speech was lost when it
/// goes on later in the script, and repeated when it goes on earlier. Frames without any sound are passed over in both,
/// and in the recording those of the comfort tone, which says nothing.
struct HeardSpeech: Equatable {
    private static let frameSamples = 160
    private static let samplesPerMs = 8
    /// What recordings are aligned to.
    private static let step = 8
    private static let tone = Set(ComfortTone.frames.map { $0.readableBytesView.map { MuLaw.samples[Int($0)] } })

    /// Milliseconds of the script that were never played.
    private(set) var lostMs = 0
    /// Milliseconds of the script that were played again.
    private(set) var repeatedMs = 0
    /// Milliseconds that are not in the script.
    private(set) var foreignMs = 0

    /// - Parameters:
    ///   - recorded: linear samples, 8 kHz.
    ///   - script: mu-law, 8 kHz, whole frames.
    ///   - seams: samples of the script at which speech may go on after it was cut off, besides whole frames.
    init(_ recorded: [Int16], script: [UInt8], seams: [Int] = []) {
        let script = script.map { MuLaw.samples[Int($0)] }
        // Where speech may go on at many places, a frame of little sound fits several.
        let anchor = Self.frameSamples * (seams.isEmpty ? 1 : 4)
        let places = Self.places(in: script, from: [0] + seams, samples: anchor)
        let nextSound = Self.nextSound(in: recorded)
        var expected = 0
        var position = 0
        while position + Self.frameSamples <= recorded.count, nextSound[position] < recorded.count {
            let silence = nextSound[position] - position
            if silence >= Self.frameSamples {
                // On to the first frame that the sound can be in.
                position += max(Self.step, (silence - Self.frameSamples) / Self.step * Self.step)
                continue
            }
            let frame = recorded[position..<position + Self.frameSamples]
            if expected + Self.frameSamples <= script.count,
                frame.elementsEqual(script[expected..<expected + Self.frameSamples])
            {
                expected += Self.frameSamples
                position += Self.frameSamples
                continue
            }
            let found = places[Array(recorded[position..<min(position + anchor, recorded.count)])]
            if let place = found?.min(by: { abs($0 - expected) < abs($1 - expected) }) {
                self.goOn(from: expected, at: place, in: script)
                expected = place + Self.frameSamples
                position += Self.frameSamples
            } else if Self.tone.contains(Array(frame)) {
                position += Self.frameSamples
            } else {
                if silence < Self.step { self.foreignMs += Self.step / Self.samplesPerMs }
                position += Self.step
            }
        }
        self.goOn(from: expected, at: script.count, in: script)
    }

    /// The agent's channel of a stereo recording of the simulator.
    init(recording path: String, script: [UInt8], seams: [Int] = []) throws {
        let headerBytes = 44
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)).dropFirst(headerBytes))
        self.init(
            stride(from: 2, to: bytes.count - 1, by: 4).map { index in
                Int16(bitPattern: UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
            },
            script: script,
            seams: seams
        )
    }

    private mutating func goOn(from expected: Int, at place: Int, in script: [Int16]) {
        if place > expected, script[expected..<place].contains(where: { $0 != 0 }) {
            self.lostMs += (place - expected) / Self.samplesPerMs
        } else if place < expected {
            self.repeatedMs += (expected - place) / Self.samplesPerMs
        }
    }

    /// Where what is so long begins, at each frame of the script, counted from each of `origins`.
    private static func places(in script: [Int16], from origins: [Int], samples: Int) -> [[Int16]: [Int]] {
        let frames = origins.flatMap { origin in
            stride(from: origin, to: script.count - samples + 1, by: Self.frameSamples)
        }
        return Dictionary(grouping: frames) { Array(script[$0..<$0 + samples]) }
    }

    /// For each sample, which sample at or behind it is the first that is not zero.
    private static func nextSound(in samples: [Int16]) -> [Int] {
        var next = [Int](repeating: samples.count, count: samples.count + 1)
        for index in samples.indices.reversed() { next[index] = samples[index] != 0 ? index : next[index + 1] }
        return next
    }
}
