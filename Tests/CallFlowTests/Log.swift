import CallEvents
import CallFlow
import SwiftProtobuf

/// A call's partition of topic events: each event at its offset.
struct Log {
    static let callSid = "CA0123456789abcdef0123456789abcdef"

    private(set) var events: [(offset: Int64, event: CallEvent)] = []
    private var session: Int64 = 0

    init(_ bodies: [CallEvent.OneOf_Body] = []) {
        for body in bodies { self.add(body) }
    }

    @discardableResult
    mutating func add(
        _ body: CallEvent.OneOf_Body,
        id: String = "",
        session: Int64? = nil,
        atUs: Int64? = nil,
        limits: (inout CallLimits) -> Void = { _ in }
    ) -> Int64 {
        // Other calls share the partition: offsets have gaps.
        let offset = (self.events.last?.offset ?? 3) + 2
        if case .sessionClaimed = body { self.session = offset }
        let event = CallEvent.with {
            $0.eventID = id
            $0.callSid = Self.callSid
            $0.occurredAtUs = atUs ?? 1_700_000_000_000_000 + offset * 1_000_000
            $0.sessionEpoch = session ?? self.session
            $0.body = body
        }
        self.events.append((offset, event))
        // The coordinator's answer to a request.
        if case .requested = body {
            guard case .callPlanned(var plan) = CallEvent.OneOf_Body.planned else { return offset }
            limits(&plan.limits)
            self.add(.callPlanned(plan), atUs: atUs)
        }
        return offset
    }

    /// The same facts written again behind the others, as a producer that does not know whether it had been heard.
    func repeating(_ indices: [Int]) -> Log {
        var log = self
        for index in indices {
            let offset = log.events.last!.offset + 1
            log.events.append((offset, self.events[index].event))
        }
        return log
    }

    /// Without the plan that every request asks for.
    func folded(from state: CallState = CallState(callSid: Self.callSid)) -> (state: CallState, outputs: [CallOutput]) {
        var state = state
        var outputs: [CallOutput] = []
        for (offset, event) in self.events { outputs += state.apply(event, at: offset) }
        return (state, outputs.filter { $0 != .effect(.plan) })
    }

    var state: CallState { self.folded().state }
    var outputs: [CallOutput] { self.folded().outputs }
}

extension CallEvent.OneOf_Body {
    static let requested = Self.requested(
        .with {
            $0.requestID = "req-1"
            $0.phoneNumber = "+15551234567"
            $0.businessName = "Test Business"
            $0.userRequest = "Get quote for service"
            $0.category = "general"
            $0.audioPath = .pcm24K
            $0.direction = "outbound-api"
        }
    )

    static let planned = Self.callPlanned(
        .with {
            $0.agent.agent = "main_concierge"
            $0.agent.instructions = "You are LifeHub's concierge."
            $0.agent.settings.idle.seconds = 45
            $0.limits.maxCallSeconds = 180
            $0.limits.windDownSeconds = 20
            $0.limits.maxHandoffs = 10
        }
    )

    static let claimed = Self.sessionClaimed(.with { $0.instance = "a1" })

    static func status(_ status: String, _ sequence: UInt32) -> Self {
        .statusChanged(
            .with {
                $0.status = status
                $0.sequenceNumber = sequence
            }
        )
    }

    static func stream(_ epoch: UInt32, partition: Int32 = 7) -> Self {
        .streamStarted(
            .with {
                $0.streamEpoch = epoch
                $0.outboundPartition = partition
            }
        )
    }

    static func turnEnded(_ item: String) -> Self { .speechStopped(.with { $0.itemID = item }) }

    static func person(_ item: String, after previous: String = "", _ text: String, at startedAtUs: Int64 = 0) -> Self {
        .utterance(.with { $0 = .said(.person, item, previous, text, startedAtUs) })
    }

    static func agent(_ item: String, after previous: String = "", _ text: String, at startedAtUs: Int64 = 0) -> Self {
        .utterance(.with { $0 = .said(.agent, item, previous, text, startedAtUs) })
    }

    static func interrupts(_ item: String, playedMs: UInt32) -> Self {
        .speechStarted(
            .with {
                $0.itemID = "next"
                $0.interruptedItemID = item
                $0.playedMs = playedMs
            }
        )
    }

    static func asks(_ id: String, _ name: String, _ arguments: String, item: String = "") -> Self {
        .toolRequested(
            .with {
                $0.call.toolCallID = id
                $0.call.itemID = item.isEmpty ? "item-\(id)" : item
                $0.call.name = name
                $0.call.arguments = arguments
            }
        )
    }

    /// What the coordinator writes when it has run the tool.
    static func ran(_ id: String, _ name: String, _ arguments: String, policy: VoicemailPolicy = .hangUp) -> Self {
        var context = ToolContext.test
        context.limits.voicemail = policy
        return .toolCompleted(
            Tool.run(
                .with {
                    $0.toolCallID = id
                    $0.name = name
                    $0.arguments = arguments
                    $0.agent = "main_concierge"
                },
                in: context
            )
        )
    }

    static func response(_ id: String, status: String = "completed", answers: (UInt32, UInt64)? = nil) -> Self {
        .responseDone(
            .with {
                $0.responseID = id
                $0.status = status
                $0.usage.inputAudioTokens = 10
                $0.usage.outputAudioTokens = 20
                if let answers {
                    $0.heardThrough.streamEpoch = answers.0
                    $0.heardThrough.sequence = answers.1
                }
            }
        )
    }
}

extension ToolContext {
    static let test = ToolContext(
        callSid: Log.callSid,
        requestID: "req-1",
        businessName: "Test Business",
        atUs: 1_700_000_000_000_000
    )
}

extension Utterance {
    fileprivate static func said(
        _ speaker: Speaker,
        _ item: String,
        _ previous: String,
        _ text: String,
        _ startedAtUs: Int64
    ) -> Utterance {
        .with {
            $0.itemID = item
            $0.previousItemID = previous
            $0.speaker = speaker
            $0.text = text
            $0.startedAtUs = startedAtUs
        }
    }
}

extension CallState {
    /// Item ids of the conversation in order.
    var items: [String] { self.conversation.map(\.itemID) }
}

extension CallOutput {
    /// The command's id, `quote <price>`, `run <tool call>` and so on: for comparing lists.
    var label: String {
        switch self {
        case .command(let command): command.commandID
        case .telephony(let command): command.commandID
        case .result(.quote(let quote)): "quote \(quote.price)"
        case .result(.transcript(let transcript)): "transcript \(transcript.number)"
        case .result(let result): result.type
        case .effect(.runTool(let call)): "run \(call.toolCallID)"
        case .effect(.beginTool(let call)): "begin \(call.toolCallID)"
        case .effect(.giveUpTool(let call, _)): "give up \(call.toolCallID)"
        case .effect(.handOver(let pending)): "hand over to \(pending.request.toAgent)"
        case .effect(.plan): "plan"
        }
    }
}
