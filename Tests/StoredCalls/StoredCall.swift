import CallEvents
import CallFlow
import SwiftProtobuf

/// One call as its events tell it, from the request to some seconds after its end: some turns of both sides, an
/// interruption, every kind of result, a handoff.
struct StoredCall {
    let callSid: String
    private(set) var events: [CallEvent] = []
    private let number: Int
    private var atUs: Int64

    /// - Parameter turns: of the conversation, from 5.
    init(number: Int, turns: Int) {
        let hex = String(number, radix: 16)
        self.callSid = "CA" + String(repeating: "0", count: 32 - hex.count) + hex
        self.number = number
        self.atUs = 1_700_000_000_000_000 + Int64(number) * 1_000_000
        self.begin()
        for turn in 1...turns { self.add(turn) }
        self.end()
    }

    private mutating func add(_ body: CallEvent.OneOf_Body, afterMs ms: Int64 = 200) {
        self.atUs += ms * 1000
        self.events.append(
            .with {
                $0.eventID = "\(self.callSid)/\(self.events.count)"
                $0.callSid = self.callSid
                $0.occurredAtUs = self.atUs
                $0.source = "test"
                // Not lower than any claim's offset.
                $0.sessionEpoch = 1 << 40
                $0.body = body
            }
        )
    }

    private mutating func begin() {
        self.add(
            .requested(
                .with {
                    $0.requestID = "request-\(self.number / 3)"
                    $0.phoneNumber = "+15550100"
                    $0.businessName = "Miller's Garage \(self.number)"
                    $0.userRequest = "Get a quote for an oil change for a compact car, with a synthetic oil."
                    $0.category = "automotive"
                    $0.userID = "user-\(self.number)"
                    $0.direction = "outbound-api"
                }
            )
        )
        self.add(.callPlanned(.with { $0.agent.agent = "main_concierge" }))
        for (sequence, status) in ["initiated", "ringing", "in-progress"].enumerated() {
            self.addStatus(status, UInt32(sequence))
        }
        self.add(.streamStarted(.with { $0.streamEpoch = 1 }))
        self.add(.sessionClaimed(.with { $0.instance = "realtime-session-1" }))
        self.add(.sessionReady(.with { $0.model = "gpt-realtime-2.1" }))
        self.add(.machineDetected(.with { $0.answeredBy = "human" }))
    }

    private mutating func add(_ turn: Int) {
        let person = "item_person_\(turn)_\(self.number)"
        let agent = "item_agent_\(turn)_\(self.number)"
        let response = "resp_\(turn)_\(self.number)"
        self.add(
            .speechStarted(
                .with {
                    $0.itemID = person
                    if turn % 4 == 0 {
                        $0.interruptedItemID = "item_agent_\(turn - 1)_\(self.number)"
                        $0.playedMs = 1400
                    }
                }
            ),
            afterMs: 900
        )
        self.add(.speechStopped(.with { $0.itemID = person }), afterMs: 1500)
        self.addTool(turn)
        self.addReply(agent, response, to: person)
        // The person's words come late.
        self.add(self.said(.person, person, after: "", "It is forty five dollars for that, turn \(turn)."))
        self.add(
            .transcriptionDone(
                .with {
                    $0.itemID = person
                    $0.costNanodollars = 100_000
                }
            )
        )
        self.addFigures(response, turn)
    }

    private mutating func addReply(_ agent: String, _ response: String, to person: String) {
        for part in 1...2 {
            self.add(
                .replyProgressed(
                    .with {
                        $0.itemID = agent
                        $0.responseID = response
                        $0.text = String(Self.answer.prefix(part * 30))
                        $0.audioMs = UInt32(part * 800)
                    }
                )
            )
        }
        self.add(self.said(.agent, agent, after: person, Self.answer))
    }

    private mutating func addFigures(_ response: String, _ turn: Int) {
        self.add(
            .responseDone(
                .with {
                    $0.responseID = response
                    $0.status = "completed"
                    $0.usage.inputAudioTokens = 900
                    $0.usage.outputAudioTokens = 120
                    $0.costNanodollars = 8_000_000
                }
            )
        )
        self.add(
            .turnMeasured(
                .with {
                    $0.responseID = response
                    $0.firstAudioMs = UInt32(400 + turn)
                    $0.firstPlayedMs = UInt32(550 + turn)
                }
            )
        )
    }

    private mutating func end() {
        self.addTool("end_call", #"{"reason":"all is done","outcome":"success"}"#)
        self.add(.sessionEnded(.with { $0.reason = "done" }))
        self.addStatus("completed", 9)
        self.add(.timerFired(.with { $0.timer = TimerFired.settled }), afterMs: 6000)
    }

    private static let answer = "Thank you. And when could you do it, would tomorrow afternoon be possible for you?"

    private func said(_ speaker: Speaker, _ item: String, after previous: String, _ text: String)
        -> CallEvent.OneOf_Body
    {
        .utterance(
            .with {
                $0.itemID = item
                $0.previousItemID = previous
                $0.speaker = speaker
                $0.text = text
                $0.startedAtUs = self.atUs
                if speaker == .agent { $0.audioMs = 4000 }
            }
        )
    }

    private mutating func addStatus(_ status: String, _ sequence: UInt32) {
        self.add(
            .statusChanged(
                .with {
                    $0.status = status
                    $0.sequenceNumber = sequence
                }
            )
        )
    }
}

// What the agent's tools make.
extension StoredCall {
    private func id(_ tool: String) -> String { CallID.result(self.callSid, toolCallID: "call_\(tool)_\(self.number)") }

    private mutating func addTool(_ turn: Int) {
        switch turn {
        case 1: self.addTool("extract_quote", #"{"price":45}"#, making: self.quote)
        case 2:
            self.addTool(
                "transfer_to_order_placer",
                #"{"reason":"to order"}"#,
                handoff: .with {
                    $0.fromAgent = "main_concierge"
                    $0.toAgent = "order_placer"
                    $0.reason = "to order"
                    $0.atUs = self.atUs
                }
            )
        case 3: self.addTool("place_order", #"{"items":[]}"#, making: self.order)
        case 4: self.addTool("schedule_appointment", #"{"date":"tomorrow"}"#, making: self.appointment)
        case 5:
            self.addTool("record_special_offer", #"{"description":"20 %"}"#, making: self.offer)
            self.addTool("compare_quotes", "{}", making: self.comparison)
        default: break
        }
    }

    private mutating func addTool(
        _ name: String,
        _ arguments: String,
        making made: (any Message)? = nil,
        handoff: Handoff? = nil
    ) {
        let id = "call_\(name)_\(self.number)"
        self.add(
            .toolRequested(
                .with {
                    $0.call.toolCallID = id
                    $0.call.name = name
                    $0.call.arguments = arguments
                }
            )
        )
        self.add(
            .toolStarted(
                .with {
                    $0.toolCallID = id
                    $0.name = name
                }
            )
        )
        self.add(
            .toolCompleted(
                .with {
                    $0.toolCallID = id
                    $0.name = name
                    $0.succeeded = true
                    $0.output = #"{"ok":true}"#
                    $0.result = (try? made?.jsonString()) ?? ""
                    if let handoff { $0.agentChanged.handoff = handoff }
                }
            )
        )
    }

    private var quote: Quote {
        .with {
            $0.quoteID = self.id("extract_quote")
            $0.callSid = self.callSid
            $0.requestID = "request-\(self.number / 3)"
            $0.businessName = "Miller's Garage \(self.number)"
            $0.price = "45.00"
            $0.currency = "USD"
            $0.details = "oil change, synthetic"
            $0.availability = "tomorrow"
            $0.quotedAt = Timestamp.rfc3339(us: self.atUs)
        }
    }

    private var order: Order {
        .with {
            $0.orderID = self.id("place_order")
            $0.callSid = self.callSid
            $0.items = [
                .with {
                    $0.name = "oil filter"
                    $0.quantity = 2
                    $0.customizations = ["large"]
                }
            ]
            $0.totalPrice = "12.00"
            $0.recordedAt = Timestamp.rfc3339(us: self.atUs)
        }
    }

    private var appointment: Appointment {
        .with {
            $0.appointmentID = self.id("schedule_appointment")
            $0.callSid = self.callSid
            $0.date = "2023-11-16"
            $0.time = "14:00"
            $0.recordedAt = Timestamp.rfc3339(us: self.atUs)
        }
    }

    private var offer: Offer {
        .with {
            $0.offerID = self.id("record_special_offer")
            $0.callSid = self.callSid
            $0.description_p = "20 % off the next oil change"
            $0.recordedAt = Timestamp.rfc3339(us: self.atUs)
        }
    }

    private var comparison: Comparison {
        .with {
            $0.comparisonID = self.id("compare_quotes")
            $0.callSid = self.callSid
            $0.ranking = [
                .with {
                    $0.rank = 1
                    $0.quoteID = self.id("extract_quote")
                    $0.price = "45.00"
                    $0.reasons = ["the only one"]
                }
            ]
            $0.bestQuoteID = self.id("extract_quote")
            $0.summary = "There is only one."
            $0.comparedAt = Timestamp.rfc3339(us: self.atUs)
        }
    }
}
