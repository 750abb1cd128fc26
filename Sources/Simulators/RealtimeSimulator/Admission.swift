import HTTPTypes

/// Whether a socket becomes a session: as with the service, most refusals come after a successful upgrade.
struct Admission {
    static let path = "/v1/realtime"

    struct Refused: Error, Equatable {
        var error: Refusal
        var closeCode: UInt16

        /// The close frame's reason.
        var reason: String { "\(self.error.type).\(self.error.code)" }
    }

    /// Models that are gone.
    private static let formerModels = ["gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview"]

    var model: String
    var safetyIdentifier: String?

    /// - Parameters:
    ///   - request: the upgrade.
    ///   - apiKey: nil when any will do.
    init(_ request: HTTPRequest, apiKey: String?) throws(Refused) {
        let authorization = request.headerFields[.authorization]?.split(separator: " ", maxSplits: 1) ?? []
        guard authorization.count == 2, authorization[0].lowercased() == "bearer",
            apiKey == nil || authorization[1] == apiKey ?? ""
        else { throw Self.refused("invalid_api_key", "Incorrect API key provided.", close: 3000) }

        if let beta = HTTPField.Name("OpenAI-Beta"), request.headerFields[beta] != nil {
            throw Self.refused(
                "beta_api_shape_disabled",
                "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
                close: 4000
            )
        }
        guard let model = Self.query(request.path)["model"], !model.isEmpty else {
            throw Self.refused("missing_model", "You must provide a model parameter.", close: 4000)
        }
        guard SessionConfiguration.models.contains(model) else {
            let isFormer = Self.formerModels.contains { model.hasPrefix($0) }
            throw Self.refused(
                isFormer ? "model_not_found" : "invalid_model",
                "The model '\(model)' does not exist or you do not have access to it.",
                close: 4000
            )
        }
        self.model = model
        self.safetyIdentifier = HTTPField.Name("OpenAI-Safety-Identifier").flatMap { request.headerFields[$0] }
    }

    /// `request` is for this endpoint, whatever its query.
    static func isMeant(by request: HTTPRequest) -> Bool {
        request.path?.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first == self.path[...]
    }

    private static func refused(_ code: String, _ message: String, close: UInt16) -> Refused {
        Refused(error: Refusal(code: code, message: message), closeCode: close)
    }

    private static func query(_ path: String?) -> [Substring: String] {
        let parts = (path ?? "").split(separator: "?", maxSplits: 1)
        guard parts.count == 2 else { return [:] }
        let pairs = parts[1].split(separator: "&").map { $0.split(separator: "=", maxSplits: 1) }
        return Dictionary(
            pairs.map { ($0[0], $0.count == 2 ? String($0[1]) : "") },
            uniquingKeysWith: { first, _ in first }
        )
    }
}
