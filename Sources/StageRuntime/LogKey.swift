/// Keys of log metadata, the same in every stage.
package enum LogKey {
    package static let callSid = "call.sid"
    package static let streamSid = "twilio.stream.sid"
    package static let topic = "kafka.topic"
    package static let partition = "kafka.partition"
    package static let offset = "kafka.offset"
    package static let error = "error"
}
