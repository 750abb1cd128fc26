/// The one low-pass filter of both conversions, designed once per process.
package enum AudioFilter {
    /// How many samples of 24 kHz later a sound leaves `MulawToPCM24k` than it entered, at every frequency: 6.92 ms.
    package static let interpolationDelay = 3 * Self.interpolation.length - 2
    /// The same for `PCM24kToMulaw`: 6.83 ms. There and back it is a whole number of 8 kHz samples.
    package static let decimationDelay = Self.impulseResponse.count / 2 - 2

    private static let impulseResponse = LowPassDesign().impulseResponse()

    /// 8 kHz → 24 kHz.
    static let interpolation = Interpolation(impulseResponse: Self.impulseResponse)
    /// 24 kHz → 8 kHz.
    static let decimation = Decimation(impulseResponse: Self.impulseResponse)
}
