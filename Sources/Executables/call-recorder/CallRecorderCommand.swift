import ArgumentParser
import CallEvents
import CallRecorder
import Foundation
import Logging
import StageRuntime

/// Makes the recording of a call from Kafka alone.
@main
struct CallRecorderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call-recorder",
        abstract: "Rebuilds a call as a stereo WAV from the audio topics.",
        discussion: """
            Left the caller, right what was played of the agent: 8 kHz, 16-bit PCM, both sides on Twilio's time axis. Audio is kept long enough when all stages run with \
            VOICE_RECORDING=on; without it, for minutes.

            Options win over the environment:

            \(RecorderSettings.help)
            Exit codes: 0 recorded, 1 the call's audio is not in the topics or the broker failed, 64 wrong arguments, \
            78 wrong environment.
            """
    )

    @Argument(help: "The call: CA and 32 hexadecimal digits.")
    var callSid: String

    @Option(name: .shortAndLong, help: "The file; CA….wav in the current directory without it.")
    var output: String?

    @Flag(help: "Goes on while the call does, and ends with it.")
    var follow = false

    @Option(help: "How far back to look for the call, such as 30m, 6h or 2d; as far as records are kept without it.")
    var since: String?

    @Option(help: "Kafka brokers.")
    var bootstrap: String?

    @Option(help: "kafka, or embedded for dev-broker.")
    var profile: String?

    @Option(help: "Prefix of the topics.")
    var prefix: String?

    @Option(help: "Partitions of the topics.")
    var partitions: String?

    func validate() throws {
        if CallSid(self.callSid) == nil { throw ValidationError("The call must be CA and 32 hexadecimal digits.") }
        if let since, RecorderSettings.duration(since) == nil {
            throw ValidationError("--since must be a number with m, h or d, such as 6h.")
        }
    }

    func run() async throws {
        guard let callSid = CallSid(self.callSid) else { throw ExitCode.validationFailure }
        let broker: BrokerConfiguration
        switch RecorderSettings.broker(environment: ProcessInfo.processInfo.environment, options: self.options) {
        case .success(let found): broker = found
        case .failure(let problems):
            for problem in problems.texts { Self.say(problem) }
            throw ExitCode(78)
        }
        var logger = Logger(label: "call-recorder", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let recorder = CallRecorder(
            CallRecorder.Request(
                callSid: callSid,
                output: self.output ?? "\(callSid).wav",
                since: self.since.flatMap(RecorderSettings.duration),
                follows: self.follow
            ),
            broker: broker,
            logger: logger,
            report: Self.say
        )
        do {
            Self.say(try await recorder.run())
        } catch {
            Self.say("\(error)")
            throw ExitCode.failure
        }
    }

    /// As the environment variables that they stand for.
    private var options: [String: String] {
        [
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, "VOICE_KAFKA_PROFILE": self.profile,
            "VOICE_TOPIC_PREFIX": self.prefix, "VOICE_TOPIC_PARTITIONS": self.partitions,
        ].compactMapValues { $0 }
    }

    private static func say(_ text: String) {
        FileHandle.standardError.write(Data("call-recorder: \(text)\n".utf8))
    }
}
