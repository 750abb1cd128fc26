import Agents
import CallEvents
import CallFlow
import JSON
import Testing

@Suite struct HTTPToolTests {
    private static let good = [
        "name: check_stock", "type: http", "description: How many are there.", "url: https://stock.example.com/check",
        "secret_env: STOCK_SECRET",
        "parameters: { type: object, properties: { article: { type: string } }, required: [article] }",
    ]

    /// A file with one tool, whose keys stand on lines of their own from line 2 on, used by its agent.
    private func yaml(_ keys: [String], tool: String = "check_stock") -> String {
        let lines = ["tools:"] + keys.enumerated().map { "\($0.offset == 0 ? "  - " : "    ")\($0.element)" }
        let agent = ["begin: main", "agents:", "  - { id: main, description: D., instructions: I., tools: [\(tool)] }"]
        return (lines + agent).joined(separator: "\n")
    }

    private func problems(_ yaml: String) -> [String] {
        do throws(AgentFileError) {
            _ = try AgentBook(yaml: yaml, file: "a.yaml")
            return []
        } catch {
            return error.problems.map { "\($0.line): \($0.message)" }
        }
    }

    /// The good tool with some keys replaced or added.
    private func tool(_ changes: String...) -> String {
        var keys = Self.good
        for change in changes {
            let key = change.prefix { $0 != ":" }
            if let index = keys.firstIndex(where: { $0.hasPrefix("\(key):") }) {
                keys[index] = change
            } else {
                keys.append(change)
            }
        }
        return self.yaml(keys)
    }

    @Test func `a declared tool is the agent's like a built-in one`() throws {
        let book = try AgentBook(
            yaml: self.tool("timeout_ms: 3000", "retries: 2", "repeatable: true"),
            file: "a.yaml"
        )
        let tool = try #require(book.httpTool(named: "check_stock"))
        #expect(book.httpTools == [tool])
        #expect(book.httpTool(named: "other") == nil)
        #expect(tool.url == "https://stock.example.com/check" && tool.secretVariable == "STOCK_SECRET")
        #expect(tool.timeout == .seconds(3) && tool.retries == 2 && tool.isRepeatable && tool.secret == nil)
        let given = book.plan(for: Calls.requested(), atUs: Calls.nowUs).agent.tools.first
        #expect(given == tool.definition)
        #expect(given?.description_p == "How many are there." && given?.timeoutMs == 7000)
        #expect(
            try JSONValue(parsing: given?.parameters ?? "") == [
                "type": "object", "properties": ["article": ["type": "string"]], "required": ["article"],
            ]
        )
    }

    @Test func `what is left out is careful`() throws {
        let tool = try #require(try AgentBook(yaml: self.tool(), file: "a.yaml").httpTools.first)
        #expect(tool.timeout == .seconds(5) && tool.retries == 0 && !tool.isRepeatable)
    }

    @Test(arguments: [
        "https://a.example", "https://a.example:8443/x?y=z", "http://localhost:8080/x", "http://127.0.0.1/x",
        "http://127.1.2.3:1/x", "http://[::1]:8080/x",
    ])
    func `where a tool may be`(_ url: String) {
        #expect(self.problems(self.tool("url: \"\(url)\"")).isEmpty)
    }

    @Test(arguments: [
        "http://stock.example.com/check", "ftp://a.example", "https://", "stock.example.com",
        "https://user:pw@a.example",
        "https://a.example/#x", "http://127.evil.example/", "http://127.0.0.1.evil.example/", "http://localhost.evil/",
        "https:///path", "https://a b.example/",
    ])
    func `where it may not be`(_ url: String) {
        let problems = self.problems(self.tool("url: \"\(url)\""))
        #expect(problems.count == 1 && problems[0].hasPrefix("5: url must begin with https://"), "\(problems)")
    }

    private static let wrong: [(String, String)] = [
        ("name: extract_quote", "2: extract_quote is a built-in tool"), ("name: end_call", "2: end_call is a built-in"),
        ("name: transfer_to_x", "2: transfer_to_… is for handoffs"), ("name: check-stock", "2: name must begin"),
        ("type: grpc", "3: type must be one of http"), ("description: ''", "4: description must be text"),
        ("secret_env: topsecret", "6: secret_env must be the name"), ("secret_env: 5", "6: secret_env must be text"),
        ("timeout_ms: 99", "8: timeout_ms must be a whole number from 100 to 60000"),
        ("retries: 6", "8: retries must be a whole number from 0 to 5"),
        ("repeatable: maybe", "8: repeatable must be true or false"), ("method: GET", "8: tools has no key method"),
    ]

    @Test(arguments: Self.wrong)
    func `what is wrong with a tool has its line`(_ change: String, problem: String) {
        let problems = self.problems(self.tool(change))
        #expect(problems.first?.hasPrefix(problem) == true, "\(problems)")
    }

    @Test func `a tool lacks nothing`() {
        #expect(
            Set(self.problems(self.yaml(["retries: 0"], tool: "extract_quote"))) == [
                "2: tools lacks name.", "2: tools lacks type.", "2: tools lacks description.",
                "2: tools lacks parameters.",
                "2: tools lacks url.", "2: tools lacks secret_env.",
            ]
        )
    }

    @Test func `two tools of one name`() {
        let yaml = self.yaml(Self.good.dropLast() + ["parameters: { type: object }", "---"].prefix(1))
        let twice = yaml.replacing(
            "begin: main",
            with: yaml.split(separator: "\n")[1...6].joined(separator: "\n") + "\nbegin: main"
        )
        #expect(self.problems(twice) == ["8: There are two tools check_stock."])
    }

    private static let schemas: [(String, String)] = [
        ("{ type: string }", "parameters must be a JSON Schema of type object"), ("{}", "JSON Schema of type object"),
        ("text", "JSON Schema of type object"), ("{ type: object, oneOf: [] }", "oneOf is not supported"),
        ("{ type: object, properties: { a: { type: strnig } } }", "properties.a.type must be one"),
        ("{ type: object, properties: { a: { type: array, items: { $ref: x } } } }", "properties.a.items.$ref"),
        ("{ type: object, properties: { a: { type: string, pattern: '[' } } }", "pattern"),
        ("{ type: object, properties: [a] }", "properties must be an object"),
        ("{ type: object, required: a }", "required must be an array"),
        ("{ type: object, properties: { a: { type: string, maxLength: -1 } } }", "maxLength"),
        ("{ type: object, minProperties: .nan }", "no number of JSON's"), ("{ type: object, [a]: b }", "must be text"),
    ]

    @Test(arguments: Self.schemas)
    func `a schema that is not checked here is refused`(_ schema: String, part: String) {
        let problems = self.problems(self.tool("parameters: \(schema)"))
        #expect(!problems.isEmpty)
        #expect(problems.allSatisfy { $0.hasPrefix("7: ") })
        #expect(problems.contains { $0.contains(part) }, "\(problems)")
    }

    @Test func `what is wrong in a schema has its line`() {
        let schema = """
            parameters:
                  type: object
                  properties:
                    a.b:
                      type: string
                      minimun: 1
                    a:
                      type: object
                      properties:
                        c: { type: number, minimum: low }
                  required: [d]
                  additionalProperties: false
            """
        #expect(
            self.problems(self.tool(schema)) == [
                "12: parameters: properties.a.b.minimun is not supported.",
                "16: parameters: properties.a.properties.c.minimum must be a number.",
                "17: parameters: required names d, which properties does not.",
            ]
        )
    }

    @Test(arguments: [
        (#"{"article":"x"}"#, nil), (#"{"article":5}"#, "article"), ("{}", "article"), ("", "article"),
        ("[1]", "object"),
        ("nonsense", "not a JSON object"),
    ])
    func `arguments are checked before another system sees them`(_ arguments: String, part: String?) throws {
        let tool = try #require(try AgentBook(yaml: self.tool(), file: "a.yaml").httpTools.first)
        let problem = tool.problem(with: Calls.asks("check_stock", arguments))
        #expect(part == nil ? problem == nil : problem?.message.contains(part ?? "") == true)
        #expect(problem == nil || problem?.code == .invalidArguments)
    }
}
