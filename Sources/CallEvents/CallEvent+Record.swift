package import NIOCore
import SwiftProtobuf

/// Why a record is no event.
package struct CallEventError: Error, Equatable {
    package enum Code: String, Sendable {
        case noValue = "no value"
        case notProtobuf = "not a CallEvent"
        case noCallSid = "no callSid"
        case keyIsNotCallSid = "key is not the callSid"
    }
    package var code: Code
}

extension CallEvent {
    /// Reads a record of topic events. An event whose body this version does not know is readable.
    /// - Throws: `CallEventError` for what no version of the schema reads as an event of the call that the key names.
    package init(key: ByteBuffer?, value: ByteBuffer?) throws(CallEventError) {
        guard let value else { throw CallEventError(code: .noValue) }
        do {
            try self.init(serializedBytes: Array(value.readableBytesView))
        } catch {
            throw CallEventError(code: .notProtobuf)
        }
        guard CallSid(self.callSid) != nil else { throw CallEventError(code: .noCallSid) }
        guard key == ByteBuffer(string: self.callSid) else { throw CallEventError(code: .keyIsNotCallSid) }
    }
}
