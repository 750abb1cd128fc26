package import StageRuntime

/// What `call-recorder` is told by its environment, which is that of the stages, and by its options.
package enum RecorderSettings {
    /// One sentence each.
    package struct Problems: Error {
        package var texts: [String]
    }

    /// - Parameter options: by the variables that they stand for; they win.
    package static func broker(
        environment: [String: String],
        options: [String: String]
    ) -> Result<BrokerConfiguration, Problems> {
        var settings = Settings(environment: environment.merging(options) { $1 })
        let broker = BrokerConfiguration(&settings)
        return settings.problems.isEmpty ? .success(broker) : .failure(Problems(texts: settings.problems))
    }

    /// The variables, for `--help`.
    package static let help: String = {
        var settings = Settings(environment: [:])
        _ = BrokerConfiguration(&settings)
        return StageHelp.text(of: settings.variables)
    }()

    /// A number with `m`, `h` or `d`: minutes, hours or days.
    /// - Returns: nil for anything else, and beyond ten years.
    package static func duration(_ text: String) -> Duration? {
        guard let unit = text.last, let seconds = ["m": 60, "h": 3_600, "d": 86_400][unit],
            let number = Int(text.dropLast()), (1...5_256_000).contains(number)
        else { return nil }
        let total = number * seconds
        return total <= 3_650 * 86_400 ? .seconds(total) : nil
    }
}
