package import JSON

/// What models cost, in US dollars as the vendor lists them: per million tokens, and per minute of transcription.
///
/// Amounts are whole billionths of a dollar (nanodollars): 0.06 dollars per million tokens are 60 of them per token, so
/// that costs add up exactly.
package struct PriceTable: Equatable, Sendable {
    package struct Model: Equatable, Sendable {
        /// Nanodollars per token.
        var textIn: Int64 = 0
        var textCached: Int64 = 0
        var textOut: Int64 = 0
        var audioIn: Int64 = 0
        var audioCached: Int64 = 0
        var audioOut: Int64 = 0
        /// Nanodollars per minute.
        var minute: Int64 = 0
    }

    /// Why a price file cannot be used.
    package struct Problem: Error, Equatable {
        package var text: String
    }

    private var models: [String: Model]

    /// The vendor's list of November 2026.
    package static let standard = PriceTable(models: [
        "gpt-realtime-2": .realtime(textOut: 24_000),
        "gpt-realtime-2.1": .realtime(textOut: 24_000),
        "gpt-realtime-2.1-mini": Model(
            textIn: 600,
            textCached: 60,
            textOut: 2400,
            audioIn: 10_000,
            audioCached: 300,
            audioOut: 20_000
        ),
        "gpt-realtime-1.5": .realtime(textOut: 16_000),
        "gpt-transcribe": Model(minute: 4_500_000),
    ])

    private init(models: [String: Model]) { self.models = models }

    /// The standard prices, replaced and added to by a document such as
    /// `{"gpt-realtime-2.1": {"textIn": 4, "textCached": 0.4, "textOut": 24, "audioIn": 32, "audioCached": 0.4,
    /// "audioOut": 64}, "gpt-transcribe": {"minute": 0.0045}}`: US dollars per million tokens, or per minute.
    /// - Throws: `Problem` for anything else, naming the model and the price.
    package init(json: JSONValue) throws(Problem) {
        guard let object = json.objectValue else {
            throw Problem(text: "the price file is not a JSON object of models")
        }
        self = .standard
        for (name, prices) in object { self.models[name] = try Model(prices, of: name) }
    }

    /// - Returns: 0 when the model has no price.
    package func nanodollars(_ usage: TokenUsage, model name: String) -> Int64 {
        guard let model = self.model(name) else { return 0 }
        // No peer's numbers are large enough to overflow: prices are limited, and tokens where they are read.
        func cost(_ tokens: Int, _ price: Int64) -> Int64 { Int64(max(0, tokens)) * price }
        return cost(usage.inputText - usage.cachedText, model.textIn) + cost(usage.cachedText, model.textCached)
            + cost(usage.inputAudio - usage.cachedAudio, model.audioIn) + cost(usage.cachedAudio, model.audioCached)
            + cost(usage.outputText, model.textOut) + cost(usage.outputAudio, model.audioOut)
    }

    /// - Returns: 0 when the model has no price.
    package func nanodollars(_ usage: TranscriptionUsage, model name: String) -> Int64 {
        guard let model = self.model(name) else { return 0 }
        var tokens = TokenUsage()
        tokens.inputText = usage.inputText
        tokens.inputAudio = usage.inputAudio
        tokens.outputText = usage.output
        let minutes = min(usage.seconds, 86_400) / 60
        return self.nanodollars(tokens, model: name) + Int64((minutes * Double(model.minute)).rounded())
    }

    /// A dated model has the price of the one that it is a snapshot of.
    private func model(_ name: String) -> Model? {
        if let model = self.models[name] { return model }
        let longest = self.models.keys.filter { name.hasPrefix("\($0)-20") }.max { $0.count < $1.count }
        return longest.flatMap { self.models[$0] }
    }
}

extension PriceTable.Model {
    fileprivate static func realtime(textOut: Int64) -> Self {
        Self(textIn: 4000, textCached: 400, textOut: textOut, audioIn: 32_000, audioCached: 400, audioOut: 64_000)
    }

    fileprivate init(_ json: JSONValue, of name: String) throws(PriceTable.Problem) {
        guard let object = json.objectValue else {
            throw PriceTable.Problem(text: "the prices of \(name) are not a JSON object")
        }
        self.init()
        for (key, value) in object {
            guard let dollars = value.doubleValue, dollars >= 0, dollars <= 1000 else {
                throw PriceTable.Problem(text: "\(name).\(key) is not a price in US dollars, 0 to 1000")
            }
            // Per million tokens: thousandths of a dollar are nanodollars per token.
            let perToken = Int64((dollars * 1000).rounded())
            switch key {
            case "textIn": self.textIn = perToken
            case "textCached": self.textCached = perToken
            case "textOut": self.textOut = perToken
            case "audioIn": self.audioIn = perToken
            case "audioCached": self.audioCached = perToken
            case "audioOut": self.audioOut = perToken
            case "minute": self.minute = Int64((dollars * 1_000_000_000).rounded())
            default:
                let known = "textIn, textCached, textOut, audioIn, audioCached, audioOut or minute"
                throw PriceTable.Problem(text: "\(name).\(key) is no price: use \(known)")
            }
        }
    }
}
