/// The one low-pass filter of both conversions, designed once per process.
package enum AudioFilter {
    private static let impulseResponse = LowPassDesign().impulseResponse()

    /// How much later a sound leaves a conversion than it entered: 3.375 ms each way, at every frequency.
    package static let groupDelay = Duration.nanoseconds((Self.impulseResponse.count - 1) * 1_000_000_000 / 48_000)

    /// For 24 kHz → 8 kHz: the whole filter.
    static let decimation = FilterKernel(impulseResponse: Self.impulseResponse)

    /// For 8 kHz → 24 kHz: two of three samples to be filtered would be zero, so each third of the filter works alone.
    /// Each has a gain of exactly 1 at 0 Hz, so that silence and constant levels leave no image.
    static let interpolation = (0..<3).map { phase in
        FilterKernel(
            impulseResponse: stride(from: phase, to: Self.impulseResponse.count, by: 3).map { Self.impulseResponse[$0] }
        )
    }
}
