import ArgumentParser

/// `voice-bench`: what is measured by itself, each case as one JSON line.
@main
struct VoiceBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "voice-bench",
        abstract: "Measures the parts that have a budget; one JSON line for each case.",
        subcommands: [
            AudioBenchmark.self, FramesBenchmark.self, KafkaBenchmark.self, MediaBenchmark.self, ClearBenchmark.self,
            StreamsBenchmark.self, TranscoderBenchmark.self, ScaleBenchmark.self, SessionsBenchmark.self,
            CoordinatorBenchmark.self, SinkBenchmark.self, MonitorBenchmark.self, ResampleBenchmark.self,
        ]
    )
}
