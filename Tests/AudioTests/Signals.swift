import Audio
import Foundation
import NIOCore

/// Test signals and measurements on them.
enum Signals {
    static func sine(_ frequency: Double, rate: Double, amplitude: Double, count: Int) -> [Int16] {
        (0..<count).map { Int16((amplitude * sin(2 * .pi * frequency * Double($0) / rate)).rounded()) }
    }

    /// Sweeps from `low` to `high` hertz.
    static func chirp(_ low: Double, _ high: Double, rate: Double, amplitude: Double, count: Int) -> [Int16] {
        let duration = Double(count) / rate
        return (0..<count).map { index in
            let time = Double(index) / rate
            let phase = 2 * .pi * (low * time + (high - low) * time * time / (2 * duration))
            return Int16((amplitude * sin(phase)).rounded())
        }
    }

    /// The amplitude of one frequency in `samples`, through a Hann window.
    static func amplitude(of frequency: Double, rate: Double, in samples: some Collection<Int16>) -> Double {
        var real = 0.0
        var imaginary = 0.0
        for (index, sample) in samples.enumerated() {
            let window = 1 - cos(2 * .pi * (Double(index) + 0.5) / Double(samples.count))
            let angle = 2 * .pi * frequency * Double(index) / rate
            real += window * Double(sample) * cos(angle)
            imaginary += window * Double(sample) * sin(angle)
        }
        return 2 * (real * real + imaginary * imaginary).squareRoot() / Double(samples.count)
    }

    static func decibels(_ ratio: Double) -> Double { 20 * log10(max(ratio, 1e-9)) }

    static func pcm(_ samples: [Int16]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for sample in samples { buffer.writeInteger(sample, endianness: .little) }
        return buffer
    }

    static func samples(_ pcm: ByteBuffer) -> [Int16] {
        var rest = pcm
        var samples: [Int16] = []
        while let sample = rest.readInteger(endianness: .little, as: Int16.self) { samples.append(sample) }
        return samples
    }

    static func mulaw(_ samples: [Int16]) -> ByteBuffer {
        ByteBuffer(bytes: samples.map(MuLaw.encode))
    }

    static func decoded(_ mulaw: ByteBuffer) -> [Int16] {
        mulaw.readableBytesView.map(MuLaw.decode)
    }
}
