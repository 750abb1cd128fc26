/// Designs the low-pass filter between 8 kHz and 24 kHz: an ideal one (sinc), cut off by a Kaiser window.
///
/// The window's length and shape follow Kaiser's formulas from how far the stop-band lies below the pass-band and how
/// wide the transition between them is. The filter is symmetric: every frequency is delayed by half its length.
/// Only arithmetic that IEEE 754 defines to the last bit is used, so that every machine designs the same filter.
struct LowPassDesign {
    var sampleRate = 24_000.0
    /// Speech on the phone ends here; up to here the gain is 1.
    var passBandEdge = 3_400.0
    /// Half the phone's sample rate: what is above would be heard as an alias below.
    var stopBandEdge = 4_000.0
    /// How far the stop-band is below the pass-band, in decibels. The pass-band's ripple is as small.
    var attenuation = 66.0

    /// Kaiser's estimate, rounded up so that the delay, there and back, is a whole number of 8 kHz samples.
    var taps: Int {
        let transition = 2 * Double.pi * (self.stopBandEdge - self.passBandEdge) / self.sampleRate
        let order = Int(((self.attenuation - 7.95) / (2.285 * transition)).rounded(.up))
        return (order + 5) / 6 * 6 + 1
    }

    /// The impulse response, with a sum of 1.
    func impulseResponse() -> [Double] {
        let taps = self.taps
        let half = Double(taps - 1) / 2
        let cutoff = (self.passBandEdge + self.stopBandEdge) / self.sampleRate
        let beta = 0.1102 * (self.attenuation - 8.7)
        let response = (0..<taps).map { tap in
            let time = Double(tap) - half
            let window = Self.besselI0(beta * (1 - (time / half) * (time / half)).squareRoot()) / Self.besselI0(beta)
            let sinc = time == 0 ? 1 : Self.sine(Double.pi * cutoff * time) / (Double.pi * cutoff * time)
            return sinc * window
        }
        let sum = response.reduce(0, +)
        return response.map { $0 / sum }
    }

    /// The modified Bessel function of the first kind and order 0, by its power series.
    private static func besselI0(_ x: Double) -> Double {
        var sum = 1.0
        var term = 1.0
        var k = 1.0
        while term > sum * 1e-16 {
            term *= (x / 2 / k) * (x / 2 / k)
            sum += term
            k += 1
        }
        return sum
    }

    /// The sine by its power series.
    private static func sine(_ angle: Double) -> Double {
        let x = angle.remainder(dividingBy: 2 * .pi)
        var sum = x
        var term = x
        var k = 1.0
        while abs(term) > 1e-18 {
            term *= -x * x / ((k + 1) * (k + 2))
            sum += term
            k += 2
        }
        return sum
    }
}
