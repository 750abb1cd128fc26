import CallEvents
import Kafka
import NIOCore
import SwiftProtobuf

/// What is to be done about a record of topic telephony.
struct TelephonyWork: Sendable {
    enum Content: Sendable {
        case command(TelephonyCommand, CallSid)
        /// To be put aside, for this reason.
        case unreadable(String)
    }

    var record: KafkaRecord
    var content: Content

    /// The call whose commands are carried out in order: the record's key.
    var call: ByteBuffer { self.record.key ?? ByteBuffer() }

    init(_ record: KafkaRecord) {
        self.record = record
        self.content = Self.content(of: record)
    }

    private static func content(of record: KafkaRecord) -> Content {
        guard let value = record.value else { return .unreadable("no value") }
        guard let command = try? TelephonyCommand(serializedBytes: Array(value.readableBytesView)) else {
            return .unreadable("not a TelephonyCommand")
        }
        guard let callSid = CallSid(command.callSid) else { return .unreadable("no callSid") }
        guard record.key == ByteBuffer(string: command.callSid) else { return .unreadable("key is not the callSid") }
        guard !command.commandID.isEmpty else { return .unreadable("no command id") }
        return .command(command, callSid)
    }
}
