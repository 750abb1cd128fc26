import Audio
import CallEvents
import NIOCore

// The phone's audio on its way through the silence gate.
extension CallAudio {
    /// What a frame brings about, for itself and for those that waited before it.
    struct Gated {
        struct Output {
            var offset: Int64
            var value: ByteBuffer
        }

        /// To be sent, in order.
        var outputs: [Output] = []
        /// Frames that have no output.
        var finished: [Int64] = []
        /// The earliest frame before this one that its output needs.
        var needs: Int64?
        /// Frames whose audio is not forwarded.
        var silentFrames = 0
        var change: SilenceGateChange?
    }

    /// Of the frames whose audio is not forwarded, every one whose number this divides goes on without it, so that the
    /// session hears each 100 ms how far the phone has played.
    private static let silentInterval: UInt64 = 5

    /// Takes a frame that was not seen before.
    mutating func pass(_ frame: AudioFrame, offset: Int64) -> Gated {
        guard var gate = self.gate.take() else { return Gated() }
        defer { self.gate = gate }
        var gated = Gated()
        let run = Run(frame)
        if run != self.run || frame.control != .none {
            self.close(gate.ended(), into: &gated)
            self.run = run
            self.toModel = MulawToPCM24k()
            self.neededNext = nil
        }
        guard frame.control == .none else {
            self.run = nil
            self.send(frame, payload: ByteBuffer(), offset: offset, into: &gated)
            return gated
        }
        let verdict = gate.received(frame, offset: offset)
        gated.needs = verdict.needs
        gated.change = verdict.change
        self.neededNext = verdict.nextNeeds
        self.close(verdict.closed, into: &gated)
        guard verdict.isOpen else {
            // While nothing is converted the filter is not kept: the frame before fills it again.
            self.toModel = nil
            return gated
        }
        if self.toModel == nil { self.toModel = Self.filter(after: verdict.before) }
        for waiting in verdict.opened {
            self.send(self.frame(waiting), payload: waiting.payload, offset: waiting.offset, into: &gated)
        }
        self.send(frame, payload: frame.payload, offset: offset, into: &gated)
        return gated
    }

    /// No frame has come for long, and nothing is read again for this call's sake.
    /// - Returns: the offsets of frames that wait for a loud one.
    mutating func letGo() -> [Int64] {
        guard self.neededNext != nil else { return [] }
        self.neededNext = nil
        return self.gate?.letGo() ?? []
    }

    private mutating func close(_ frames: [SilenceGate.Waiting], into gated: inout Gated) {
        for waiting in frames {
            gated.silentFrames += 1
            let frame = self.frame(waiting)
            if frame.sequence.isMultiple(of: Self.silentInterval) {
                self.send(frame, payload: ByteBuffer(), offset: waiting.offset, into: &gated)
            } else {
                gated.finished.append(waiting.offset)
            }
        }
    }

    private mutating func send(_ frame: AudioFrame, payload: ByteBuffer, offset: Int64, into gated: inout Gated) {
        var converted = frame
        converted.codec = .pcm24k
        converted.payload = ByteBuffer()
        if payload.readableBytes > 0 { self.toModel?.convert(payload, into: &converted.payload) }
        var value = ByteBuffer()
        converted.write(to: &value)
        gated.outputs.append(Gated.Output(offset: offset, value: value))
    }

    /// The frame as it came, without its audio.
    private func frame(_ waiting: SilenceGate.Waiting) -> AudioFrame {
        var frame = AudioFrame(codec: .pcmu)
        if let run = self.run {
            frame.streamEpoch = run.streamEpoch
            frame.sessionEpoch = run.sessionEpoch
            frame.playoutEpoch = run.playoutEpoch
            frame.itemID = run.itemID
        }
        waiting.write(to: &frame)
        return frame
    }

    private static func filter(after before: ByteBuffer?) -> MulawToPCM24k {
        var filter = MulawToPCM24k()
        if let before {
            var ignored = ByteBuffer()
            filter.convert(before, into: &ignored)
        }
        return filter
    }
}
