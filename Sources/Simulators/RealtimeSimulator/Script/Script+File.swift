import FoundationEssentials

extension Script {
    /// - Throws: when the file cannot be read or is no script; the description says where.
    package init(contentsOf file: String) throws {
        self = try JSONDecoder().decode(Script.self, from: Data(contentsOf: URL(filePath: file)))
    }

    package init(json: String) throws {
        self = try JSONDecoder().decode(Script.self, from: Data(json.utf8))
    }
}
