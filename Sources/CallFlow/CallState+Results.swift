import CallEvents
import SwiftProtobuf

// What other systems read.
extension CallState {
    /// Takes what a tool has made, once.
    mutating func take(_ result: String, of call: ToolCall) -> [CallOutput] {
        guard !result.isEmpty, let made = Tool(rawValue: call.name)?.result(from: result) else { return [] }
        let isNew =
            switch made {
            case .quote(let quote): Self.add(quote, to: &self.quotes, \.quoteID)
            case .appointment(let appointment): Self.add(appointment, to: &self.appointments, \.appointmentID)
            case .order(let order): Self.add(order, to: &self.orders, \.orderID)
            case .offer(let offer): Self.add(offer, to: &self.offers, \.offerID)
            case .comparison(let comparison): Self.add(comparison, to: &self.comparisons, \.comparisonID)
            case .transcript, .call: false
            }
        return isNew ? [.result(made)] : []
    }

    private static func add<Made>(_ made: Made, to all: inout [Made], _ id: (Made) -> String) -> Bool {
        guard !all.contains(where: { id($0) == id(made) }) else { return false }
        all.append(made)
        return true
    }

    var hasNoResults: Bool {
        self.quotes.isEmpty && self.appointments.isEmpty && self.orders.isEmpty && self.offers.isEmpty
    }

    mutating func turnMeasured(_ turn: TurnMeasured) {
        guard !self.turns.contains(where: { $0.responseID == turn.responseID }) else { return }
        self.turns.append(turn)
        if self.turns.count > 256 { self.turns.removeFirst() }
    }

    /// Writes the utterances about which nothing can change any more, in the order of the conversation: those in front of
    /// a later turn of the person, and at last all.
    mutating func writeTranscripts(all: Bool = false) -> [CallOutput] {
        let lastTurn = self.conversation.lastIndex { $0.utterance.speaker == .person } ?? 0
        var outputs: [CallOutput] = []
        for index in self.conversation.indices {
            guard case .utterance(let utterance) = self.conversation[index].item,
                self.conversation[index].transcriptNumber == 0
            else { continue }
            let isFinal = utterance.speaker == .person || index < lastTurn || all
            // The words of a turn come later than its place.
            guard isFinal, !utterance.text.isEmpty || index < lastTurn || all else { break }
            guard !utterance.heardText.isEmpty else { continue }
            self.transcripts += 1
            self.conversation[index].transcriptNumber = self.transcripts
            outputs.append(.result(.transcript(self.transcript(of: utterance, number: self.transcripts))))
        }
        return outputs
    }

    private func transcript(of utterance: Utterance, number: UInt32) -> Transcript {
        .with {
            $0.utteranceID = "\(self.callSid).\(utterance.itemID)"
            $0.callSid = self.callSid
            $0.requestID = self.request.requestID
            $0.number = number
            $0.speaker = utterance.speaker == .agent ? "agent" : "person"
            $0.agent = utterance.agent
            $0.text = utterance.heardText
            $0.interrupted = utterance.interrupted
            $0.startedAt = Timestamp.rfc3339(us: utterance.startedAtUs)
        }
    }

    /// The call is over, and nothing more will come.
    mutating func settle(atUs: Int64) -> [CallOutput] {
        self.writeTranscripts(all: true) + [.result(.call(self.summary))]
    }

}
