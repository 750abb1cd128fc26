import CallEvents
import NIOCore
import SeededRandom
import SwiftProtobuf
import Testing

@Suite struct CallEventRecordTests {
    private let sid = "CA0123456789abcdef0123456789abcdef"

    private func bytes(callSid: String) throws -> ByteBuffer {
        let event = CallEvent.with {
            $0.callSid = callSid
            $0.timerFired.timer = "t"
        }
        return ByteBuffer(bytes: try event.serializedBytes() as [UInt8])
    }

    private func code(key: ByteBuffer?, value: ByteBuffer?) -> CallEventError.Code? {
        do {
            _ = try CallEvent(key: key, value: value)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `an event of the call that the key names is read`() throws {
        let event = try CallEvent(key: ByteBuffer(string: self.sid), value: self.bytes(callSid: self.sid))
        #expect(event.timerFired.timer == "t")
    }

    @Test func `anything else says why not`() throws {
        let key = ByteBuffer(string: self.sid)
        #expect(self.code(key: key, value: nil) == .noValue)
        #expect(self.code(key: key, value: ByteBuffer(bytes: [0xff])) == .notProtobuf)
        #expect(self.code(key: key, value: ByteBuffer()) == .noCallSid)
        #expect(self.code(key: key, value: try self.bytes(callSid: "CA1")) == .noCallSid)
        #expect(self.code(key: nil, value: try self.bytes(callSid: self.sid)) == .keyIsNotCallSid)
        #expect(self.code(key: ByteBuffer(string: "x"), value: try self.bytes(callSid: self.sid)) == .keyIsNotCallSid)
    }

    @Test func `random bytes are read or refused, never trapped on`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? CallEvent(key: ByteBuffer(string: self.sid), value: ByteBuffer(bytes: bytes))
        }
    }
}
