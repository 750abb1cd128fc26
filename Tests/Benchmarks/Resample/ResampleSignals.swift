import Audio
import Foundation
import NIOCore
import SeededRandom
import Speech

/// What goes through the conversions, and how.
enum ResampleSignals {
    static let amplitude = 20_000.0

    /// All recordings after one another, at most 31.5 s, as 8 kHz samples; then silence for what the filters delay.
    static var speech: [Int16] {
        Speech.all.flatMap(\.mulaw).map(MuLaw.decode).prefix(252_000) + Array(repeating: 0, count: 2_000)
    }

    /// 30 s from 300 to 3400 Hz, then silence for what the filters delay.
    static func sweep(rate: Double) -> [Int16] {
        let count = 30 * rate
        let sweep = stride(from: 0, to: count, by: 1).map { index in
            let time = index / rate
            let fade = min(1, index / 1_000, (count - index) / 1_000)
            return Int16((Self.amplitude * fade * sin(2 * .pi * (300 * time + 3_100 * time * time / 60))).rounded())
        }
        return sweep + Array(repeating: 0, count: Int(rate) / 4)
    }

    /// 1.5 s of a sine wave, over `noise` of so many steps either way.
    static func tone(_ hertz: Int, rate: Int, amplitude: Double = Self.amplitude, noise: Int = 0) -> [Int16] {
        var random = SeededGenerator(seed: 4)
        return (0..<rate * 3 / 2).map { index in
            let value = amplitude * sin(2 * .pi * Double(hertz * index % rate) / Double(rate))
            return Int16(value.rounded()) + Int16.random(in: -Int16(noise)...Int16(noise), using: &random)
        }
    }

    /// The amplitude of one frequency in the last whole second, which must be a whole number of periods.
    static func amplitude(of hertz: Int, rate: Int, in samples: [Double]) -> Double {
        var (real, imaginary) = (0.0, 0.0)
        for (index, sample) in samples.suffix(rate).enumerated() {
            let angle = 2 * .pi * Double(hertz * index % rate) / Double(rate)
            real += sample * cos(angle)
            imaginary += sample * sin(angle)
        }
        return 2 * (real * real + imaginary * imaginary).squareRoot() / Double(rate)
    }

    /// Whole hertz about `step` apart that have 8000 different phases at 8 kHz, so that mu-law's steps average out.
    static func frequencies(_ range: ClosedRange<Int>, step: Int) -> [Int] {
        stride(from: range.lowerBound, through: range.upperBound, by: step).map { hertz in
            // Odd and no multiple of five: without a common divisor with 8000 and 24000, but for three.
            (hertz..<hertz + 4).first { $0 % 2 != 0 && $0 % 5 != 0 && $0 <= range.upperBound } ?? range.upperBound - 1
        }
    }
}

/// One direction of a resampler, as a stream of 20 ms frames.
struct Direction {
    var name: String
    var inputRate: Int
    var outputRate: Int
    var conversion: (Resampler) -> () -> Conversion

    static var up: Self { Self(name: "up", inputRate: 8_000, outputRate: 24_000) { $0.up } }
    static var down: Self { Self(name: "down", inputRate: 24_000, outputRate: 8_000) { $0.down } }

    private init(
        name: String,
        inputRate: Int,
        outputRate: Int,
        conversion: @escaping (Resampler) -> () -> Conversion
    ) {
        self.name = name
        self.inputRate = inputRate
        self.outputRate = outputRate
        self.conversion = conversion
    }

    private var isUp: Bool { self.inputRate < self.outputRate }

    /// The samples in frames as the conversion takes them; a rest that is no whole frame is filled with silence.
    func frames(_ samples: [Int16]) -> [ByteBuffer] {
        let size = self.inputRate / 50
        return stride(from: 0, to: samples.count, by: size).map { start in
            let frame = samples[start..<min(start + size, samples.count)]
            let whole = Array(frame) + Array(repeating: 0, count: size - frame.count)
            guard !self.isUp else { return ByteBuffer(bytes: whole.map(MuLaw.encode)) }
            return whole.reduce(into: ByteBuffer()) { $0.writeInteger($1, endianness: .little) }
        }
    }

    /// What the conversion really hears of `samples`: up, they pass through mu-law first.
    func heard(_ samples: [Int16]) -> [Int16] {
        self.isUp ? samples.map { MuLaw.decode(MuLaw.encode($0)) } : samples
    }

    /// The best output there is of what would ideally come out: down, mu-law is still to come.
    func written(_ ideal: [Int16]) -> [Int16] {
        self.isUp ? ideal : ideal.map { MuLaw.decode(MuLaw.encode($0)) }
    }

    /// Everything that comes out, the silence that follows until it has included, as long as what goes in; and the
    /// longest that was not yet out after its frame had gone in, in seconds.
    func run(_ conversion: Conversion, _ samples: [Int16]) -> (samples: [Int16], held: Double) {
        let silence = self.frames([0])[0]
        let frames = self.frames(samples)
        let wanted = frames.count * self.outputRate / 50
        var output: [Int16] = []
        output.reserveCapacity(wanted)
        var held = 0
        for index in 0..<frames.count + 200 where output.count < wanted {
            var buffer = ByteBuffer()
            conversion(index < frames.count ? frames[index] : silence, &buffer)
            if self.isUp {
                while let sample = buffer.readInteger(endianness: .little, as: Int16.self) { output.append(sample) }
            } else {
                output.append(contentsOf: buffer.readableBytesView.map(MuLaw.decode))
            }
            held = max(held, (index + 1) * self.outputRate / 50 - output.count)
        }
        return (Array(output.prefix(wanted)), Double(held) / Double(self.outputRate))
    }
}
