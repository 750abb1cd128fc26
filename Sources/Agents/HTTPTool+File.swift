import CallFlow
import Foundation
import JSON

extension HTTPTool {
    /// - Returns: nil when it has no name by which agents could be given it.
    init?(_ file: FileMapping) {
        file.allow([
            "name", "type", "description", "parameters", "url", "secret_env", "timeout_ms", "retries", "repeatable",
        ])
        _ = file.required("type")?.choice(["http"])
        self.description = file.required("description")?.text(limit: 2000) ?? ""
        let schema = file.required("parameters").flatMap { $0.schema() }
        self.schema = schema?.schema
        self.parameters = schema?.text ?? ""
        self.url = file.required("url").flatMap(Self.url) ?? ""
        self.secretVariable = file.required("secret_env").flatMap(Self.variable) ?? ""
        self.timeout = .milliseconds(file["timeout_ms"]?.int(100...60_000) ?? 5000)
        self.retries = file["retries"]?.int(0...5) ?? 0
        self.isRepeatable = file["repeatable"]?.bool() ?? false
        guard let value = file.required("name"), let name = value.name(limit: 64) else { return nil }
        self.name = name
        if Tool(rawValue: name) != nil { value.report("\(name) is a built-in tool: give it another name.") }
        if name.hasPrefix(Tool.transferPrefix) { value.report("\(Tool.transferPrefix)… is for handoffs.") }
    }

    private static func url(_ value: FileValue) -> String? {
        guard let text = value.text(limit: 2000) else { return nil }
        let parts = URLComponents(string: text)
        let host = parts?.host ?? ""
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        let isOurs =
            ["localhost", "::1", "[::1]"].contains(host)
            || (numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil))
        guard let parts, !host.isEmpty, parts.user == nil, parts.fragment == nil,
            parts.scheme == "https" || (parts.scheme == "http" && isOurs)
        else {
            value.report("url must begin with https://, or with http:// for this machine, and have no user and no #.")
            return nil
        }
        return text
    }

    /// The value itself is no business of the file's.
    private static func variable(_ value: FileValue) -> String? {
        guard let text = value.text(limit: 100) else { return nil }
        let isName = text.allSatisfy { "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_".contains($0) }
        guard isName, text.first?.isLetter == true else {
            value.report("secret_env must be the name of an environment variable, such as STOCK_SECRET.")
            return nil
        }
        return text
    }
}
