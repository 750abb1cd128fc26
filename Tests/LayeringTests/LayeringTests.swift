import Testing

/// What may import what: the package manager does not enforce it.
struct LayeringTests {
    /// Values and state machines: no sockets, no clock of their own, no broker.
    private static let pure: Set<String> = ["JSON", "CallEvents", "Audio", "TwilioMedia", "OpenAIRealtime", "CallFlow"]
    private static let adapters: Set<String> = [
        "Agents", "Kafka", "WebSockets", "ResultsStore", "Recordings", "StageRuntime",
    ]
    private static let stages: Set<String> = [
        "TwilioIngress", "AudioTranscoder", "RealtimeSession", "AgentCoordinator", "ResultsSink",
    ]

    /// The modules of this package that each may import.
    private static let allowed: [String: Set<String>] = {
        var allowed: [String: Set<String>] = [
            "JSON": [],
            "CallEvents": [],
            "Audio": [],
            "TwilioMedia": ["CallEvents", "JSON"],
            "OpenAIRealtime": ["CallEvents", "JSON"],
            "CallFlow": ["CallEvents", "JSON"],
            "Agents": ["CallEvents", "CallFlow", "JSON"],
            "Kafka": ["CRdKafka"],
            "WebSockets": [],
            "ResultsStore": ["CLibPQ", "CallEvents", "CallFlow"],
            "Recordings": ["Audio"],
            "StageRuntime": ["CallEvents", "Kafka", "WebSockets"],
            "Speech": ["Audio"],
            "TwilioSimulator": ["Speech", "Audio", "CallEvents", "TwilioMedia", "JSON", "Recordings", "WebSockets"],
            "RealtimeSimulator": ["Speech", "Audio", "JSON", "WebSockets"],
            "TestSupport": ["Audio", "CallEvents", "JSON", "Kafka", "Speech", "WebSockets"],
            "dev-broker": ["CallEvents", "Kafka"],
            "CallRecorder": Self.pure.union(["Kafka", "Recordings", "StageRuntime"]),
            "call-recorder": ["CallRecorder", "CallEvents", "StageRuntime"],
            "call-watch": ["CallEvents", "CallFlow", "Kafka"],
            "twilio-simulator": ["TwilioSimulator"],
            "realtime-simulator": ["RealtimeSimulator"],
        ]
        for stage in Self.stages { allowed[stage] = Self.pure.union(Self.adapters) }
        allowed["ResultsSink", default: []].insert("CMonitorFiles")
        for (program, stage) in [
            ("twilio-ingress", "TwilioIngress"), ("audio-transcoder", "AudioTranscoder"),
            ("realtime-session", "RealtimeSession"), ("agent-coordinator", "AgentCoordinator"),
            ("results-sink", "ResultsSink"),
        ] {
            allowed[program] = [stage, "StageRuntime"]
        }
        return allowed
    }()

    private static let own: Set<String> = Set(Self.allowed.keys).union(["CLibPQ", "CMonitorFiles", "CRdKafka"])

    /// What the pure row may import from outside the package.
    private static let outsideOfPure: Set<String> = [
        "Swift", "NIOCore", "SwiftProtobuf", "FoundationEssentials", "Crypto", "Synchronization",
    ]

    @Test func `the package's files were found`() {
        #expect(Package.sources.count > 20)
        #expect(Set(Package.sources.compactMap(\.module)).isSuperset(of: ["Kafka", "TwilioIngress", "dev-broker"]))
    }

    @Test(arguments: Package.sources)
    func `a module imports only what its layer may`(file: SourceFile) throws {
        let module = try #require(file.module)
        let allowed = try #require(Self.allowed[module], "\(module) is in no layer: add it to the table")
        let forbidden = file.imports.intersection(Self.own).subtracting(allowed).subtracting([module])
        #expect(forbidden.isEmpty)
    }

    @Test(arguments: Package.sources.filter { LayeringTests.pure.contains($0.module ?? "") && !$0.isGenerated })
    func `the pure row does no input or output`(file: SourceFile) {
        // Sound needs sines and logarithms, which are in the C library.
        let mathematics: Set<String> = file.module == "Audio" ? ["Glibc", "Musl", "Darwin"] : []
        let foreign = file.imports.subtracting(Self.own)
        #expect(foreign.subtracting(Self.outsideOfPure).subtracting(mathematics).isEmpty)
    }

    @Test(arguments: Package.files.filter { !$0.isGenerated })
    func `no file is too long to hold in mind`(file: SourceFile) {
        #expect(file.lines <= 500)
    }

    @Test(
        arguments: Package.sources.filter { $0.isExecutable && LayeringTests.stagePrograms.contains($0.module ?? "") }
    )
    func `a stage's program only runs its library`(file: SourceFile) {
        #expect(file.lines <= 60)
    }

    private static let stagePrograms: Set<String> = [
        "twilio-ingress", "audio-transcoder", "realtime-session", "agent-coordinator", "results-sink",
    ]

    @Test func `imports are read in all their forms`() {
        let text = """
            import A
            package import B
            @testable import C
            @preconcurrency internal import struct D.E
            // import F
            let import_ = "import G"
            """
        #expect(SourceFile(path: "", text: text).imports == ["A", "B", "C", "D"])
    }
}
