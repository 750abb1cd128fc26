import CallEvents
import SwiftProtobuf

/// What the other stages write about one call up to its last turn.
struct CoordinatedCall {
    private(set) var bodies: [CallEvent.OneOf_Body] = []
    let callSid: String
    private static let turns = 6

    /// The tool calls of every call.
    static let toolCalls = ["price", "check", "validate"]

    init(callSid: String, number: Int) {
        self.callSid = callSid
        self.bodies = [
            .requested(
                .with {
                    $0.requestID = "request-\(number)"
                    $0.phoneNumber = "+15550100"
                    $0.businessName = "Miller's Garage \(number)"
                    $0.userRequest = "Get a quote for an oil change for a compact car, with a synthetic oil."
                    $0.category = "automotive"
                    $0.userID = "user-\(number)"
                    $0.audioPath = .pcm24K
                    $0.direction = "outbound-api"
                }
            ),
            Self.status("initiated", 0), Self.status("ringing", 1), Self.status("in-progress", 2),
            .streamStarted(.with { $0.streamEpoch = 1 }), .sessionClaimed(.with { $0.instance = "bench" }),
            .sessionReady(.with { $0.model = "gpt-realtime-2.1" }),
        ]
        for turn in 1...Self.turns { self.add(turn) }
    }

    /// A tool call's id, the same whoever asks.
    static func toolCallID(_ name: String, of callSid: String) -> String { "call_\(name)_\(callSid.suffix(12))" }

    private mutating func add(_ turn: Int) {
        let person = "item_person_\(turn)_\(self.callSid.suffix(8))"
        let agent = "item_agent_\(turn)_\(self.callSid.suffix(8))"
        self.bodies += [
            .speechStarted(.with { $0.itemID = person }),
            .speechStopped(.with { $0.itemID = person }),
        ]
        switch turn {
        case 3: self.ask("price", "extract_quote", #"{"price":45,"details":"oil change","availability":"tomorrow"}"#)
        case 4: self.ask("check", "transfer_to_quotes_validator", #"{"reason":"check the price"}"#)
        case 5: self.ask("validate", "validate_quote", #"{"price":45,"details":"oil change"}"#)
        default: break
        }
        self.bodies += [
            .replyProgressed(
                .with {
                    $0.itemID = agent
                    $0.responseID = "resp_\(turn)"
                    $0.text = "Thank you. And when could"
                    $0.audioMs = 1_600
                }
            ),
            Self.said(
                person,
                "It is forty five dollars for that, and it takes about half an hour, turn \(turn).",
                .person
            ),
            Self.said(
                agent,
                "Thank you. And when could you do it, would tomorrow afternoon be possible for you?",
                .agent
            ),
            .transcriptionDone(
                .with {
                    $0.itemID = person
                    $0.costNanodollars = 100_000
                }
            ),
            .responseDone(
                .with {
                    $0.responseID = "resp_\(turn)"
                    $0.status = "completed"
                    $0.usage.inputAudioTokens = 900
                    $0.usage.outputAudioTokens = 120
                    $0.costNanodollars = 8_000_000
                }
            ),
            .turnMeasured(
                .with {
                    $0.responseID = "resp_\(turn)"
                    $0.firstAudioMs = 450
                    $0.firstPlayedMs = 600
                }
            ),
        ]
    }

    private mutating func ask(_ id: String, _ name: String, _ arguments: String) {
        self.bodies.append(
            .toolRequested(
                .with {
                    $0.call.toolCallID = Self.toolCallID(id, of: self.callSid)
                    $0.call.itemID = "item_tool_\(id)"
                    $0.call.name = name
                    $0.call.arguments = arguments
                }
            )
        )
    }

    private static func status(_ status: String, _ sequence: UInt32) -> CallEvent.OneOf_Body {
        .statusChanged(
            .with {
                $0.status = status
                $0.sequenceNumber = sequence
            }
        )
    }

    private static func said(_ item: String, _ text: String, _ speaker: Speaker) -> CallEvent.OneOf_Body {
        .utterance(
            .with {
                $0.itemID = item
                $0.speaker = speaker
                $0.text = text
            }
        )
    }
}
