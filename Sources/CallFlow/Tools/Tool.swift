package import CallEvents
import JSON
import SwiftProtobuf

/// The tools that agents can be given. All are pure: running one again is always safe.
package enum Tool: String, CaseIterable, Sendable {
    case extractQuote = "extract_quote"
    case scheduleAppointment = "schedule_appointment"
    case placeOrder = "place_order"
    case recordSpecialOffer = "record_special_offer"
    case validateQuote = "validate_quote"
    case compareQuotes = "compare_quotes"
    case noteTone = "note_tone"
    case sendDigits = "send_digits"
    case reportVoicemail = "report_voicemail"
    case endCall = "end_call"

    /// A tool with this in front of an agent's name hands the conversation to that agent.
    package static let transferPrefix = "transfer_to_"

    /// The same arguments may mean another thing the next time.
    var mayRepeat: Bool {
        switch self {
        case .sendDigits, .validateQuote, .compareQuotes, .noteTone: true
        case .extractQuote, .scheduleAppointment, .placeOrder, .recordSpecialOffer, .reportVoicemail, .endCall: false
        }
    }

    private var behavior: any ToolBehavior.Type {
        switch self {
        case .extractQuote: ExtractQuote.self
        case .scheduleAppointment: ScheduleAppointment.self
        case .placeOrder: PlaceOrder.self
        case .recordSpecialOffer: RecordSpecialOffer.self
        case .validateQuote: ValidateQuote.self
        case .compareQuotes: CompareQuotes.self
        case .noteTone: NoteTone.self
        case .sendDigits: SendDigits.self
        case .reportVoicemail: ReportVoicemail.self
        case .endCall: EndCall.self
        }
    }

    /// What the model is told about the tool.
    package var definition: ToolDefinition { self.behavior.definition }

    /// Runs the tool that the model asks for. Nothing that the model can send makes this fail: wrong arguments and
    /// unknown tools give an output from which it can correct itself.
    package static func run(_ call: ToolCall, in context: ToolContext) -> ToolCompleted {
        do throws(ToolError) {
            let outcome = try Self.outcome(of: call, in: context)
            return .with {
                $0.toolCallID = call.toolCallID
                $0.name = call.name
                $0.succeeded = true
                $0.output = outcome.output
                $0.result = outcome.result
            }
        } catch {
            return error.completed(call)
        }
    }

    private static func outcome(of call: ToolCall, in context: ToolContext) throws(ToolError) -> Outcome {
        guard let tool = Tool(rawValue: call.name) else {
            throw ToolError(
                "There is no tool \(call.name.prefix(60)). Use only the tools that you were given.",
                code: .unknownTool
            )
        }
        try Self.schemas[tool]?.check(arguments: call.arguments, of: call.name)
        return try tool.behavior.run(call, in: context)
    }

    /// What each tool publishes: arguments are compared with nothing else.
    private static let schemas = Dictionary(
        uniqueKeysWithValues: Self.allCases.compactMap { tool in
            (try? JSONValue(parsing: tool.definition.parameters))
                .flatMap { try? JSONSchema($0) }
                .map { (tool, $0) }
        }
    )

    /// The arguments in one form for all spellings of the same thing, for comparison only.
    func normalised(_ arguments: String) -> String { self.behavior.normalised(arguments) }

    /// What the tool made.
    /// - Parameter json: proto3 JSON of the message; nil when it is none.
    func result(from json: String) -> CallResult? {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        switch self {
        case .extractQuote: return (try? Quote(jsonString: json, options: options)).map { .quote($0) }
        case .scheduleAppointment:
            return (try? Appointment(jsonString: json, options: options)).map { .appointment($0) }
        case .placeOrder: return (try? Order(jsonString: json, options: options)).map { .order($0) }
        case .recordSpecialOffer: return (try? Offer(jsonString: json, options: options)).map { .offer($0) }
        case .compareQuotes: return (try? Comparison(jsonString: json, options: options)).map { .comparison($0) }
        case .validateQuote, .noteTone, .sendDigits, .reportVoicemail, .endCall: return nil
        }
    }

    struct Outcome {
        /// JSON text for the model.
        var output: String
        /// Proto3 JSON of what the tool made; empty when it made nothing.
        var result = ""
    }
}
