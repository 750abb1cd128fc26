import CallEvents
import Foundation
import JSON
import NIOHTTP1
import ResultsSink
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing

/// The description of the HTTP API, and whether it is true.
@Suite(.timeLimit(.minutes(4))) struct OpenAPITests {
    private static let schemathesis = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../.build/python/bin/st").standardizedFileURL.path

    private struct Operation {
        var method: HTTPMethod
        var path: String
        var isOpen: Bool
    }

    private func operations(_ document: JSONValue) throws -> [Operation] {
        let paths = try #require(document["paths"]?.objectValue)
        return paths.flatMap { path, item in
            (item.objectValue ?? [:]).map { method, operation in
                Operation(
                    method: HTTPMethod(rawValue: method.uppercased()),
                    path: path.replacing("{callSid}", with: Deployment.callSid).replacing("{file}", with: "monitor.js"),
                    isOpen: operation["security"] == []
                )
            }
        }
    }

    @Test func `nothing but the page's own files is read without a token`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink(tokens: ["one"])
        let document = try await sink.get("/api/voice/openapi.json", ["authorization": "Bearer one"])
        #expect(document.status == 200 && document.headers.first(name: "content-type") == "application/json")
        let operations = try self.operations(document.json)
        #expect(operations.count >= 13)
        let open = operations.filter(\.isOpen).map { "\($0.method) \($0.path)" }
        #expect(
            Set(open) == [
                "GET /", "GET /realtime-call-monitor.js", "GET /monitor/monitor.js", "POST /api/voice/login",
                "POST /api/voice/logout",
            ]
        )
        for operation in operations where !operation.isOpen {
            for headers: HTTPHeaders in [
                [:], ["authorization": "Bearer two"], ["authorization": "Basic one"],
                ["cookie": "lifehub_voice=v1.9.x"],
                ["authorization": "Bearer "], ["cookie": "lifehub_voice="],
            ] {
                for method in [operation.method, .HEAD] {
                    let answer = try await sink.send(method, operation.path, headers)
                    #expect(answer.status == 401, "\(method) \(operation.path) \(headers)")
                }
            }
        }
        await sink.running.crash()
        await deployment.end()
    }

    @Test func `what a call is described to have, it has`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        try await deployment.write(.requested(), .status("in-progress", 2))
        let call = try await eventually("the call is known", timeout: .seconds(40)) {
            let answer = try await sink.get("/api/voice/calls/\(Deployment.callSid)")
            return answer.status == 200 ? answer.json : nil
        }
        let document = try await sink.get("/api/voice/openapi.json").json
        let described = document["components"]?["schemas"]?["Call"]?["properties"]?.objectValue
        #expect(Set(described?.keys.map { $0 } ?? []) == Set(call.objectValue?.keys.map { $0 } ?? []))
        await sink.running.crash()
        await deployment.end()
    }

    @Test func `injected SQL and HTML are text`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        let name = #"<script>alert("x")</script>'); DROP TABLE calls; --"#
        try await deployment.write(
            .requested(
                .with {
                    $0.requestID = "r1"
                    $0.businessName = name
                    $0.userRequest = "100 % _ \\ ' \""
                }
            ),
            .said(.person, "p1", "<img src=x onerror=alert(1)>")
        )
        let call = try await eventually("the call is known", timeout: .seconds(40)) {
            let answer = try await sink.get("/api/voice/calls/\(Deployment.callSid)")
            return answer.json["transcript"]?.arrayValue?.isEmpty == false ? answer : nil
        }
        #expect(call.headers.first(name: "content-type") == "application/json")
        #expect(call.json["businessName"] == .string(name))
        #expect(call.json["transcript"]?.arrayValue?.first?["text"] == "<img src=x onerror=alert(1)>")
        for (text, found) in [
            ("' OR '1'='1", 0), ("'; DROP TABLE calls; --", 0), ("%", 1), ("%'", 0), ("100 %", 1), ("1_0", 0),
            ("\\", 1),
            ("\"", 1), ("<script>", 1), ("' --", 0), ("\u{202e}", 0),
        ] {
            let characters = CharacterSet.alphanumerics
            let query = try #require(text.addingPercentEncoding(withAllowedCharacters: characters))
            let answer = try await sink.get("/api/voice/calls?q=\(query)")
            #expect(answer.json["calls"]?.arrayValue?.count == found, "\(text)")
            for field in ["agent", "requestId", "category"] {
                let answer = try await sink.get("/api/voice/calls?\(field)=\(query)")
                #expect(answer.json["calls"] == [], "\(field) \(text)")
            }
            for field in ["status", "outcome", "from", "cursor", "limit", "inProgress"] {
                let answer = try await sink.get("/api/voice/calls?\(field)=\(query)")
                #expect(answer.status == 400 && answer.isProblem, "\(field) \(text)")
                #expect(answer.json["errors"]?.arrayValue?.first?["field"] == .string(field))
            }
        }
        await sink.running.crash()
        await deployment.end()
    }

    /// Deploy/python.sh installs it.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: Self.schemathesis)))
    func `the sink answers as it is described, whatever it is asked`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink(tokens: ["one"])
        try await deployment.write(.requested(), .status("in-progress", 2), .said(.person, "p1", "Hello?"))
        try await deployment.write(.service)
        let token: HTTPHeaders = ["authorization": "Bearer one"]
        try await eventually("the call is known", timeout: .seconds(40)) {
            let answer = try await sink.get("/api/voice/calls/\(Deployment.callSid)", token)
            return answer.json["quotes"]?.arrayValue?.isEmpty == false
        }
        let directory = deployment.directory.path
        let document = try await sink.get("/api/voice/openapi.json", token)
        try document.text.write(toFile: "\(directory)/openapi.json", atomically: true, encoding: .utf8)
        // Streams do not end, and the names of the page's files are many.
        let program = Program(
            "schemathesis",
            path: "/usr/bin/env",
            // It leaves files where it runs.
            arguments: [
                "-C", directory, Self.schemathesis, "run", "\(directory)/openapi.json", "--url",
                "http://127.0.0.1:\(sink.port)",
                "-H", "Authorization: Bearer one", "--exclude-path-regex", "events$", "--checks", "all", "--seed", "7",
                "--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--max-time", "45", "--no-color",
                "--request-timeout", "20", "--generation-database", "none", "--suppress-health-check", "all",
            ],
            logFile: "\(directory)/schemathesis.log"
        )
        try await program.start()
        let exit = try await eventually("schemathesis ends", timeout: .seconds(180)) { program.exit }
        #expect(exit == .code(0), "\(program.log())")
        await sink.running.crash()
        await deployment.end()
    }
}
