import CallEvents
import SwiftProtobuf

/// What every record that a tool makes tells of its call.
protocol ToolRecord: SwiftProtobuf.Message {
    var callSid: String { get set }
    var requestID: String { get set }
    var businessName: String { get set }
    var agent: String { get set }
}

extension Quote: ToolRecord {}
extension Appointment: ToolRecord {}
extension Order: ToolRecord {}
extension Offer: ToolRecord {}

extension ToolRecord {
    static func made(by call: ToolCall, in context: ToolContext, _ fill: (inout Self) -> Void) -> Self {
        .with {
            $0.callSid = context.callSid
            $0.requestID = context.requestID
            $0.businessName = context.businessName
            $0.agent = call.agent
            fill(&$0)
        }
    }
}
