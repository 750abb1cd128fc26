// swift-tools-version: 6.2
import PackageDescription

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioConcurrencyHelpers = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// What whoever serves HTTP needs.
let server: [Target.Dependency] = [hummingbird, httpTypes]

let package = Package(
    name: "lifehub-voice",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
    ],
    targets: [
        // The pure row: no sockets, no clock, no broker.
        .target(name: "JSON", dependencies: [nioCore]),
        .target(name: "CallEvents", dependencies: [protobuf, nioCore]),
        .target(name: "Audio", dependencies: [nioCore]),
        .target(name: "TwilioMedia", dependencies: ["CallEvents", "JSON", nioCore, crypto]),
        .target(name: "OpenAIRealtime", dependencies: ["CallEvents", "JSON", nioCore]),
        .target(name: "CallFlow", dependencies: ["CallEvents", "JSON", crypto, protobuf]),

        // Adapters.
        .systemLibrary(
            name: "CRdKafka",
            pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"])]
        ),
        .target(
            name: "Kafka",
            dependencies: ["CRdKafka", nioCore, log, metrics, lifecycle]
        ),
        .target(
            name: "WebSockets",
            dependencies: server + [
                hummingbirdCore, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioSSL, nioHTTPTypes, nioHTTPTypesHTTP1,
                log, lifecycle,
            ]
        ),
        .target(name: "Recordings", dependencies: ["Audio"]),
        .target(
            name: "Agents",
            dependencies: ["CallEvents", "CallFlow", "JSON", protobuf, yams, mustache],
            resources: [.embedInCode("agents.yaml")]
        ),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "ResultsStore", dependencies: ["CallEvents", "CallFlow", "CLibPQ", grdb, protobuf]),
        .target(
            name: "StageRuntime",
            dependencies: [
                "CallEvents", "Kafka", "WebSockets", coreMetrics, metrics, unixSignals, log, lifecycle, nioCore, crypto,
            ] + server
        ),

        // One library for each stage.
        stage(
            "TwilioIngress",
            [
                "TwilioMedia", "Audio", "WebSockets", "JSON", asyncHTTPClient, protobuf, crypto, nioPosix, nioHTTP1,
                coreMetrics,
            ] + server
        ),
        stage("AudioTranscoder", ["Audio"]),
        stage(
            "RealtimeSession",
            ["OpenAIRealtime", "CallFlow", "WebSockets", protobuf, nioHTTP1, nioPosix]
        ),
        stage(
            "AgentCoordinator",
            ["Agents", "CallFlow", "JSON", protobuf, crypto, asyncHTTPClient, nioPosix, nioHTTP1, coreMetrics]
        ),
        // The files of the call monitor and the description of the API, for results-sink to serve.
        .target(name: "CMonitorFiles"),
        stage(
            "ResultsSink",
            ["CMonitorFiles", "CallFlow", "ResultsStore", "WebSockets", "JSON", protobuf, crypto] + server,
            exclude: ["Monitor", "HTTP/openapi.json"]
        ),

        // The outside world, for the demo, the tests and the benchmarks.
        simulator("Speech", ["Audio"], resources: [.copy("Recordings")]),
        simulator(
            "TwilioSimulator",
            ["Speech", "Audio", "Recordings", "CallEvents", "TwilioMedia", "WebSockets", "JSON", asyncHTTPClient]
                + [nioCore, nioPosix, nioHTTP1, log, lifecycle] + server
        ),
        simulator(
            "RealtimeSimulator",
            ["Speech", "Audio", "WebSockets", "JSON", nioCore, nioPosix, log, lifecycle] + server
        ),

        program("twilio-ingress", ["TwilioIngress", "StageRuntime"]),
        program("audio-transcoder", ["AudioTranscoder", "StageRuntime"]),
        program("realtime-session", ["RealtimeSession", "StageRuntime"]),
        program("agent-coordinator", ["AgentCoordinator", "StageRuntime"]),
        program("results-sink", ["ResultsSink", "StageRuntime"]),
        program("dev-broker", ["Kafka", "CallEvents", nioCore, nioPosix, log, lifecycle, unixSignals, argumentParser]),
        program("twilio-simulator", ["TwilioSimulator", nioCore, log, lifecycle, unixSignals, argumentParser]),
        program("realtime-simulator", ["RealtimeSimulator", nioCore, log, lifecycle, unixSignals, argumentParser]),
        .target(
            name: "CallRecorder",
            dependencies: [
                "CallEvents", "CallFlow", "Audio", "TwilioMedia", "Recordings", "Kafka", "StageRuntime", nioCore, log,
            ]
        ),
        program("call-recorder", ["CallRecorder", "CallEvents", "StageRuntime", log, argumentParser]),
        program("call-watch", ["Kafka", "CallEvents", "CallFlow", nioCore, protobuf, log, argumentParser]),

        .target(
            name: "TestSupport",
            dependencies: [
                "Kafka", "CallEvents", "Audio", "JSON", "Speech", "WebSockets", asyncHTTPClient, crypto, log,
                lifecycle, nioCore, nioHTTP1, nioPosix, protobuf,
            ] + server
        ),
        // What the tests of the pure row share; TestSupport would bring them brokers and simulators.
        .target(name: "SeededRandom", path: "Tests/SeededRandom"),
        // Calls for the store, and what it must make of them.
        .target(
            name: "StoredCalls",
            dependencies: ["CallEvents", "CallFlow", "Kafka", "ResultsStore", "SeededRandom", nioCore, log, protobuf],
            path: "Tests/StoredCalls"
        ),
        tests("JSON", ["SeededRandom", nioCore]),
        tests("CallEvents", ["SeededRandom", protobuf, nioCore]),
        tests("Audio", [nioCore], resources: [.copy("Fixtures")]),
        tests("TwilioMedia", ["SeededRandom", "CallEvents", "JSON", nioCore], resources: [.copy("Fixtures")]),
        tests("OpenAIRealtime", ["SeededRandom", "JSON", "CallEvents", nioCore], resources: [.copy("Fixtures")]),
        tests("CallFlow", ["SeededRandom", "CallEvents", "JSON", protobuf]),
        tests("Agents", ["SeededRandom", "CallEvents", "CallFlow", "JSON", protobuf]),
        tests("Kafka", ["TestSupport", "CallEvents", nioCore, log, lifecycle]),
        tests("WebSockets", server + ["TestSupport", nioCore, nioPosix, nioHTTP1, nioSSL, log, lifecycle]),
        tests(
            "StageRuntime",
            ["CallEvents", "Kafka", asyncHTTPClient, coreMetrics, log, lifecycle, httpTypes, nioCore, nioHTTP1]
        ),
        tests(
            "ResultsStore",
            ["CallEvents", "CallFlow", "TestSupport", grdb, protobuf],
            resources: [.copy("Fixtures")]
        ),
        tests(
            "TwilioSimulator",
            [
                "TestSupport", "CallEvents", "TwilioMedia", "WebSockets", "JSON", asyncHTTPClient, nioCore, nioHTTP1,
                log,
            ] + server
        ),
        tests(
            "RealtimeSimulator",
            ["TestSupport", "Speech", "Audio", "WebSockets", "JSON", nioCore, nioPosix, nioHTTP1, log]
        ),
        tests(
            "TwilioIngress",
            [
                "SeededRandom", "Audio", "TwilioMedia", "CallEvents", "Kafka", "WebSockets", "StageRuntime",
                "TestSupport", "TwilioSimulator", "JSON", asyncHTTPClient, protobuf, nioCore, nioPosix, nioHTTP1,
                metrics, log,
                lifecycle,
            ] + server
        ),
        tests(
            "AudioTranscoder",
            [
                "Audio", "CallEvents", "Kafka", "StageRuntime", "Speech", "SeededRandom", "TestSupport", "CHeap",
                nioCore,
                lifecycle, log,
            ]
        ),
        tests(
            "RealtimeSession",
            [
                "Agents", "OpenAIRealtime", "CallEvents", "CallFlow", "Audio", "TwilioMedia", "Kafka", "StageRuntime",
                "Speech",
                "RealtimeSimulator", "TestSupport", "WebSockets", protobuf, nioCore, lifecycle, log,
            ] + server
        ),
        tests(
            "CallRecorder",
            [
                "TwilioMedia", "TwilioSimulator", "CallEvents", "Audio", "Kafka", "StageRuntime", "TestSupport",
                protobuf,
                nioCore, log,
            ]
        ),
        tests(
            "AgentCoordinator",
            [
                "Agents", "CallFlow", "CallEvents", "JSON", "Kafka", "SeededRandom", "StageRuntime", "TestSupport",
                "WebSockets", protobuf, crypto, nioCore, lifecycle, log,
            ] + server
        ),
        tests(
            "ResultsSink",
            [
                "ResultsStore", "CallEvents", "Kafka", "StageRuntime", "TestSupport", "JSON", grdb, protobuf, httpTypes,
                nioCore, nioHTTP1, lifecycle,
            ]
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "SeededRandom", "StoredCalls", "TestSupport", "CallEvents", "Audio", "Kafka", "JSON", "ResultsStore",
                "Speech", "TwilioSimulator", "RealtimeSimulator",
                asyncHTTPClient, httpTypes, nioCore, nioHTTP1, nioPosix, log, protobuf,
            ]
        ),
        .testTarget(name: "LayeringTests"),
        .executableTarget(
            name: "voice-bench",
            dependencies: [
                "Agents", "Audio", "CallEvents", "CallFlow", "JSON", "TwilioMedia", "TwilioIngress", "TwilioSimulator",
                "WebSockets", "StageRuntime", "Kafka", "CRdKafka", "CResamplers", "Speech", "TestSupport",
                "CAllocations", "ResultsStore", "SeededRandom", "StoredCalls", protobuf, asyncHTTPClient, nioCore,
                nioHTTP1, nioPosix, log, lifecycle,
                argumentParser,
            ] + server,
            path: "Tests/Benchmarks"
        ),
        // The signatures of the resamplers that voice-bench compares with and loads at run time, where they are installed.
        .systemLibrary(name: "CResamplers", path: "Tests/CResamplers"),
        // Replaces the C library's allocator with one that counts: for voice-bench only.
        .target(name: "CAllocations", path: "Tests/CAllocations"),
        // What a process has allocated, for tests.
        .target(name: "CHeap", path: "Tests/CHeap"),
    ],
    swiftLanguageModes: [.v6]
)

/// A stage: a library that its executable and the tests run.
func stage(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(
        name: name,
        dependencies: ["CallEvents", "Kafka", "StageRuntime", log, metrics, lifecycle, nioCore] + dependencies,
        path: "Sources/Stages/\(name)",
        exclude: exclude
    )
}

func simulator(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Sources/Simulators/\(name)",
        resources: resources
    )
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "Sources/Executables/\(name)")
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name)] + dependencies,
        resources: resources
    )
}

/// What every frame of a call passes through. It is optimised in debug builds too: unoptimised, 20 calls are more than two
/// cores do in real time.
let hotPath: Set<String> = [
    "JSON", "CallEvents", "Audio", "TwilioMedia", "OpenAIRealtime", "Kafka", "WebSockets", "TwilioIngress",
    "AudioTranscoder", "RealtimeSession", "Speech", "TwilioSimulator", "RealtimeSimulator", "Recordings",
    "CallRecorder",
]

for target in package.targets where hotPath.contains(target.name) {
    target.swiftSettings = [.unsafeFlags(["-O"], .when(configuration: .debug))]
}

for target in package.targets where target.type != .system {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            .treatAllWarnings(as: .error),
        ]
}
