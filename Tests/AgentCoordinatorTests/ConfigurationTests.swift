import AgentCoordinator
import Agents
import Foundation
import StageRuntime
import Testing

@Suite struct ConfigurationTests {
    private func configure(_ environment: [String: String]) -> (AgentCoordinatorStage.Configuration, problems: [String])
    {
        var settings = Settings(environment: environment)
        let configuration = AgentCoordinatorStage.configure(&settings)
        #expect(settings.variables.map(\.name) == ["VOICE_AGENTS_FILE", "VOICE_MAX_CALL_SECONDS"])
        return (configuration, settings.problems)
    }

    private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.appending(path: "agents-\(UUID().uuidString).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try body(path)
    }

    @Test func `without a file the built-in agents speak, for three minutes`() {
        let (configuration, problems) = self.configure([:])
        #expect(problems.isEmpty)
        #expect(configuration.agents.agentIDs.count == 4)
        #expect(configuration.agents.maxCallSeconds == 180)
    }

    @Test func `a file's limit holds where the environment says nothing`() throws {
        let yaml = """
            begin: a
            limits: { max_call_seconds: 77 }
            agents: [{ id: a, description: d, instructions: i }]
            """
        try self.withFile(yaml) { path in
            #expect(self.configure(["VOICE_AGENTS_FILE": path]).0.agents.maxCallSeconds == 77)
            let (configuration, problems) = self.configure(["VOICE_AGENTS_FILE": path, "VOICE_MAX_CALL_SECONDS": "60"])
            #expect(configuration.agents.maxCallSeconds == 60 && configuration.agents.agentIDs == ["a"])
            #expect(problems.isEmpty)
        }
    }

    @Test func `what is wrong with the file and with the variables is told together`() throws {
        try self.withFile("begin: a\nagents: 5\n") { path in
            let (_, problems) = self.configure(["VOICE_AGENTS_FILE": path, "VOICE_MAX_CALL_SECONDS": "-1"])
            #expect(
                problems == [
                    "\(path):1: begin names a, which is no agent of this file.", "\(path):2: agents must be a list.",
                    "VOICE_MAX_CALL_SECONDS must be a whole number from 0 to 14400, not “-1”.",
                ]
            )
        }
    }

    @Test func `a file that is not there is a problem`() {
        #expect(self.configure(["VOICE_AGENTS_FILE": "/nowhere/agents.yaml"]).problems.count == 1)
    }

    @Test func `the keys of tools are the environment's`() throws {
        let tool = "type: http, description: d, url: 'https://a.example', secret_env: KEY, parameters: { type: object }"
        let yaml = """
            begin: a
            tools: [{ name: one, \(tool) }, { name: two, \(tool) }]
            agents: [{ id: a, description: d, instructions: i, tools: [one, two] }]
            """
        try self.withFile(yaml) { path in
            var settings = Settings(environment: ["VOICE_AGENTS_FILE": path, "KEY": "k"])
            let agents = AgentCoordinatorStage.configure(&settings).agents
            #expect(agents.httpTools.map(\.secret) == ["k", "k"])
            #expect(settings.variables.filter { $0.name == "KEY" }.map(\.isSecret) == [true])
            settings = Settings(environment: ["VOICE_AGENTS_FILE": path])
            _ = AgentCoordinatorStage.configure(&settings)
            #expect(settings.problems == ["KEY is missing: set it, or KEY_FILE to a file that holds it."])
        }
    }
}
