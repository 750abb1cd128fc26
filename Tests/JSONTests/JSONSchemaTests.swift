import JSON
import SeededRandom
import Testing

@Suite struct JSONSchemaTests {
    private func problems(_ schema: String, _ value: String) throws -> [String] {
        try JSONSchema(JSONValue(parsing: schema)).problems(in: JSONValue(parsing: value))
    }

    @Test(arguments: [
        (#"{}"#, "17"), (#"{"type":"integer"}"#, "2"), (#"{"type":"integer"}"#, "2.0"), (#"{"type":"number"}"#, "2"),
        (#"{"type":["number","string"]}"#, #""2""#), (#"{"type":"null"}"#, "null"), (#"{"type":"boolean"}"#, "true"),
        (#"{"enum":["a",1]}"#, "1"), (#"{"const":"a"}"#, #""a""#), (#"{"minimum":1,"maximum":1}"#, "1"),
        (#"{"minimum":1}"#, #""0""#), (#"{"minLength":2,"maxLength":2}"#, #""é́""#), (#"{"maxLength":1}"#, #""😀""#),
        (#"{"minItems":1,"maxItems":1,"items":{"type":"string"}}"#, #"["a"]"#),
        (#"{"properties":{"a":{"type":"string"}}}"#, #"{"b":1}"#), (#"{"required":["a"]}"#, #"{"a":null}"#),
        (#"{"additionalProperties":{"type":"string"}}"#, #"{"b":"c"}"#),
        (#"{"properties":{"a":{"type":"string"}}}"#, "[]"),
        (#"{"title":"t","description":"d","default":1,"examples":[],"format":"date","$comment":"c"}"#, "1"),
    ])
    func `a value is as the schema says`(_ schema: String, value: String) throws {
        #expect(try self.problems(schema, value).isEmpty)
    }

    @Test(arguments: [
        (#"{"type":"integer"}"#, "2.5", "The value must be a whole number, not 2.5."),
        (#"{"type":["number","string"]}"#, "true", "The value must be a number or a string, not true."),
        (#"{"type":"object"}"#, "[1,2]", "The value must be an object, not an array of 2."),
        (#"{"enum":["a","b"]}"#, #""c""#, #"The value must be one of "a", "b", not "c"."#),
        (#"{"const":"a"}"#, #""c""#, #"The value must be "a", not "c"."#),
        (#"{"minimum":0}"#, "-0.5", "The value must be at least 0, not -0.5."),
        (#"{"maximum":9.5}"#, "10", "The value must be at most 9.5, not 10."),
        (#"{"minLength":1}"#, #""""#, "The value must not be empty."),
        (#"{"minLength":3}"#, #""ab""#, "The value needs at least 3 characters."),
        (#"{"maxLength":3}"#, #""abcd""#, "The value may have at most 3 characters, not 4: make it shorter."),
        (#"{"minItems":1}"#, "[]", "The value must not be empty."),
        (#"{"maxItems":1}"#, "[1,2]", "The value may have at most 1 elements, not 2."),
        (#"{"pattern":"^[0-9]+$"}"#, #""a""#, #"The value must match ^[0-9]+$, which "a" does not."#),
        (#"{"items":{"type":"string"}}"#, #"["a",1]"#, "[1] must be a string, not 1."),
        (
            #"{"properties":{"a":{"items":{"properties":{"b":{"minimum":1}}}}}}"#, #"{"a":[{},{"b":0}]}"#,
            "a[1].b must be at least 1, not 0."
        ),
        (
            #"{"properties":{"a":{"type":"string"}},"required":["a"]}"#, "{}",
            "a is missing: it is required, as a string."
        ),
        (
            #"{"properties":{"a":{},"b":{}},"additionalProperties":false}"#, #"{"c":1}"#,
            "c is not known: leave it out. Known are: a, b."
        ),
        (#"{"additionalProperties":{"type":"string"}}"#, #"{"b":1}"#, "b must be a string, not 1."),
    ])
    func `what is wrong is said with its place, the limit and the cure`(_ schema: String, value: String, words: String)
        throws
    {
        #expect(try self.problems(schema, value) == [words])
    }

    @Test func `everything that is wrong is said at once`() throws {
        let schema = #"{"properties":{"a":{"type":"string"},"b":{"minimum":1}},"required":["a","c"]}"#
        #expect(try self.problems(schema, #"{"a":1,"b":0}"#).count == 3)
    }

    @Test(arguments: [
        (#"{"oneOf":[]}"#, ["oneOf is not supported"]), (#"{"$ref":"a"}"#, ["$ref is not supported"]),
        (
            #"{"properties":{"a":{"multipleOf":2,"uniqueItems":true}}}"#,
            [
                "properties.a.multipleOf is not supported", "properties.a.uniqueItems is not supported",
            ]
        ),
        ("true", ["the schema must be an object"]),
        (#"{"type":"text"}"#, ["type must be one or several of null, boolean, integer, number, string, array, object"]),
        (#"{"minimum":"1"}"#, ["minimum must be a number"]),
        (#"{"minLength":-1}"#, ["minLength must be a whole number, not negative"]),
        (#"{"required":"a"}"#, ["required must be an array of strings"]),
        (#"{"items":[]}"#, ["items must be an object"]), (#"{"enum":1}"#, ["enum must be an array"]),
        (#"{"required":["a"],"additionalProperties":false}"#, ["required names a, which properties does not"]),
        (#"{"pattern":"(a|b)"}"#, ["pattern must be a plain pattern: no groups, no alternatives"]),
    ])
    func `a schema that asks for more than is checked is refused`(_ schema: String, problems: [String]) throws {
        let error = #expect(throws: JSONSchemaError.self) { try JSONSchema(JSONValue(parsing: schema)) }
        #expect(error?.problems == problems)
    }

    @Test(arguments: [
        ("^[0-9*#wW]{1,3}$", ["1", "12#"], ["", "1234", "a", "12 "]), ("", ["", "a"], []),
        ("a", ["a", "bab"], ["", "b"]),
        ("^a", ["a", "ab"], ["ba"]), ("a$", ["a", "ba"], ["ab"]), ("^a?b*c+$", ["c", "abbcc"], ["ab", "aac"]),
        (#"^\d{3}-\d{4}$"#, ["555-1234"], ["5551234", "555-12345"]), ("^.{2,}$", ["ab", "é😀"], ["a", "a\n"]),
        (#"^[^,\s]+$"#, ["ab"], ["a,b", "a b", ""]), (#"\."#, ["a.b"], ["ab"]), ("^[a-c-]+$", ["a-c"], ["d"]),
        (#"^[\w.]+$"#, ["a_b.c"], ["a-b"]), ("^a{0}$", [""], ["a"]), ("^$", [""], ["a"]), (#"^\$5$"#, ["$5"], ["5"]),
    ])
    func `a plain pattern is searched in the text`(_ pattern: String, matching: [String], other: [String]) throws {
        let schema = try JSONSchema(["pattern": .string(pattern)])
        for text in matching { #expect(schema.problems(in: .string(text)).isEmpty, "\(text)") }
        for text in other { #expect(!schema.problems(in: .string(text)).isEmpty, "\(text)") }
    }

    @Test(arguments: [
        "(a)", "a|b", "[a", "a]", "a{", "a{1", "a{2,1}", "a{,2}", "a**", "a+?", "*", "[]", "[b-a]", #"\1"#, #"\b"#,
        #"a\"#,
        "a^", "a$b", "[[a]]", "a{9999}", "a{99999999999}", "a{+1}", "{1}", #"[\d-z]"#, "a}",
    ])
    func `another pattern is refused`(_ pattern: String) {
        #expect(throws: JSONSchemaError.self) { try JSONSchema(["pattern": .string(pattern)]) }
    }

    @Test(.timeLimit(.minutes(1))) func `no text makes a pattern slow`() throws {
        let schema = try JSONSchema(["pattern": "^a*a*a*a*a*a*a*a*b$"])
        #expect(!schema.problems(in: .string(String(repeating: "a", count: 5000))).isEmpty)
    }

    @Test func `no schema and no value traps`() throws {
        var generator = SeededGenerator(seed: 65)
        for _ in 0..<3000 {
            let value = JSONValue.random(depth: 3, using: &generator)
            let schema = try? JSONSchema(JSONValue.randomSchema(depth: 3, using: &generator))
            _ = schema?.problems(in: value)
        }
    }
}

extension JSONValue {
    static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer([0, -1, 7, .min, .max].randomElement(using: &generator) ?? 0)
        case 3: return .number([0.5, -1e300, 1e-300, 1e18].randomElement(using: &generator) ?? 0)
        case 4:
            return .string(["", "a", "12", "\u{301}", "😀", "^a+$", "string"].randomElement(using: &generator) ?? "")
        case 5: return .string(String(repeating: "x", count: .random(in: 0..<200, using: &generator)))
        case 6:
            return .array(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in .random(depth: depth - 1, using: &generator) }
            )
        default:
            let names = ["a", "b", "", "type"].shuffled(using: &generator).prefix(2)
            return .object(
                Dictionary(uniqueKeysWithValues: names.map { ($0, .random(depth: depth - 1, using: &generator)) })
            )
        }
    }

    /// Mostly right.
    static func randomSchema(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        var schema: [String: JSONValue] = [:]
        let keywords = [
            "type", "properties", "required", "additionalProperties", "items", "enum", "const", "minimum", "maximum",
            "minLength", "maxLength", "minItems", "maxItems", "pattern",
        ]
        for keyword in keywords.shuffled(using: &generator).prefix(3) {
            switch keyword {
            case "type":
                schema[keyword] = ["string", "number", ["object", "null"]].randomElement(using: &generator)
            case "properties" where depth > 0:
                schema[keyword] = ["a": .randomSchema(depth: depth - 1, using: &generator)]
            case "items" where depth > 0: schema[keyword] = .randomSchema(depth: depth - 1, using: &generator)
            case "required": schema[keyword] = ["a"]
            case "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum":
                schema[keyword] = .integer(.random(in: 0...100, using: &generator))
            default: schema[keyword] = .random(depth: 1, using: &generator)
            }
        }
        return .object(schema)
    }
}
