package import CallEvents
import SwiftProtobuf

/// What a tool may know of the call besides its arguments.
package struct ToolContext: Sendable, Equatable {
    package var callSid: String
    package var requestID: String
    package var businessName: String
    /// When the tool runs, Unix microseconds.
    package var atUs: Int64
    package var limits = CallLimits()
    /// The quotes of this request: those of this call, of other calls, and those that came with it.
    package var quotes: [Quote] = []

    package init(callSid: String, requestID: String, businessName: String, atUs: Int64) {
        self.callSid = callSid
        self.requestID = requestID
        self.businessName = businessName
        self.atUs = atUs
    }

    /// - Parameter others: quotes of other calls of the same request.
    package init(_ state: CallState, others: [Quote] = [], atUs: Int64) {
        self.init(
            callSid: state.callSid,
            requestID: state.request.requestID,
            businessName: state.request.businessName,
            atUs: atUs
        )
        self.limits = state.limits
        self.quotes = state.quotes + others
    }
}

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

    /// What the model is told about the tool.
    package var definition: ToolDefinition {
        switch self {
        case .extractQuote: ExtractQuote.definition
        case .noteTone: NoteTone.definition
        case .sendDigits: SendDigits.definition
        case .reportVoicemail: ReportVoicemail.definition
        case .endCall: EndCall.definition
        case .scheduleAppointment, .placeOrder, .recordSpecialOffer, .validateQuote, .compareQuotes:
            .with {
                $0.name = self.rawValue
                $0.parameters = #"{"type":"object","properties":{}}"#
            }
        }
    }

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
        switch Tool(rawValue: call.name) {
        case .extractQuote: return try ExtractQuote.run(call, in: context)
        case .noteTone: return try NoteTone.run(call)
        case .sendDigits: return try SendDigits.run(call)
        case .reportVoicemail: return try ReportVoicemail.run(call, in: context)
        case .endCall: return try EndCall.run(call)
        case .scheduleAppointment, .placeOrder, .recordSpecialOffer, .validateQuote, .compareQuotes, nil:
            throw ToolError("There is no tool \(call.name).", code: .unknownTool)
        }
    }

    /// The arguments in one form for all spellings of the same thing, for comparison only.
    func normalised(_ arguments: String) -> String {
        switch self {
        case .extractQuote: ExtractQuote.normalised(arguments)
        case .endCall: EndCall.normalised(arguments)
        case .noteTone, .sendDigits, .reportVoicemail: arguments
        case .scheduleAppointment, .placeOrder, .recordSpecialOffer, .validateQuote, .compareQuotes: arguments
        }
    }

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
