/// One case's values as a line of JSON.
enum ResultLine {
    static func print(_ name: String, _ values: [(String, Double)]) {
        let fields = values.map { "\"\($0)\":\(Self.text($1))" }
        Swift.print("{\"case\":\"\(name)\"," + fields.joined(separator: ",") + "}")
    }

    private static func text(_ value: Double) -> String {
        Int(exactly: value).map { "\($0)" } ?? "\(value.rounded(to: 3))"
    }
}
