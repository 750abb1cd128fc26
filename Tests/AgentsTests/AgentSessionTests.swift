import Agents
import CallEvents
import CallFlow
import JSON
import SwiftProtobuf
import Testing

/// What the file says, as the session gets it.
@Suite struct AgentSessionTests {
    private func book(_ more: String, instructions: String = "Be kind.") throws -> AgentBook {
        try AgentBook(
            yaml: """
                begin: main
                agents:
                  - id: main
                    description: Leads the call.
                    instructions: |
                      \(instructions)
                \(more)
                """,
            file: "a.yaml"
        )
    }

    @Test func `all settings of the session, an agent's own before those of all`() throws {
        let book = try self.book(
            """
                session:
                  speed: 1.25
                  turn_detection:
                    type: server_vad
                    threshold: 0
                    prefix_padding_ms: 200
                    silence_duration_ms: 400
                    create_response: false
                    interrupt_response: true
                  idle: { seconds: 0 }
            voice: cedar
            session:
              speed: 0.5
              turn_detection: { type: semantic_vad, eagerness: high }
              noise_reduction: off
              transcription: { model: gpt-4o-transcribe, language: en, prompt: Prices., keywords: [LifeHub, "42"] }
              reasoning_effort: low
              max_output_tokens: 900
              truncation: { type: retention_ratio, retention_ratio: 0.8, token_limits: { post_instructions: 8000 } }
              idle: { seconds: 30, prompt: Ask., prompts: 3 }
            """
        )
        let settings = book.plan(for: Calls.requested(), atUs: Calls.nowUs).agent.settings
        let expected = SessionSettings.with {
            $0.voice = "cedar"
            $0.speed = 1.25
            $0.turnDetection.serverVad.threshold = 0
            $0.turnDetection.serverVad.prefixPaddingMs = 200
            $0.turnDetection.serverVad.silenceDurationMs = 400
            $0.turnDetection.createResponse = false
            $0.turnDetection.interruptResponse = true
            $0.noiseReduction = "off"
            $0.transcription.model = "gpt-4o-transcribe"
            $0.transcription.language = "en"
            $0.transcription.prompt = "Prices."
            $0.transcription.keywords = ["LifeHub", "42"]
            $0.reasoningEffort = "low"
            $0.maxOutputTokens = 900
            $0.truncation.kind = "retention_ratio"
            $0.truncation.retentionRatio = 0.8
            $0.truncation.postInstructionsTokens = 8000
            $0.idle = Idle()
        }
        #expect(settings == expected)
    }

    @Test(arguments: [("auto", "auto"), ("disabled", "disabled")])
    func `truncation in a word`(_ word: String, kind: String) throws {
        let book = try self.book("session: { truncation: \(word) }")
        #expect(book.plan(for: Calls.requested(), atUs: Calls.nowUs).agent.settings.truncation.kind == kind)
    }

    @Test func `all limits, and the message for a machine`() throws {
        var book = try self.book(
            """
            limits:
              max_call_seconds: 600
              wind_down_seconds: 45
              max_call_dollars: 1.250000001
              max_handoffs: 3
              voicemail: leave_message
              voicemail_message: "Say that you called about {{request}}."
            """
        )
        var limits = book.plan(for: Calls.requested(), atUs: Calls.nowUs).limits
        #expect(limits.maxCallSeconds == 600 && limits.windDownSeconds == 45 && limits.maxHandoffs == 3)
        #expect(limits.maxCostNanodollars == 1_250_000_001)
        #expect(limits.voicemail == .leaveMessage)
        #expect(limits.voicemailMessage == "Say that you called about \"Get quote for service\".")
        // The environment's word counts before the file's; a short call is not wound down before it has begun.
        book.maxCallSeconds = 40
        limits = book.plan(for: Calls.requested(), atUs: Calls.nowUs).limits
        #expect(limits.maxCallSeconds == 40 && limits.windDownSeconds == 20)
        book.maxCallSeconds = 0
        limits = book.plan(for: Calls.requested(), atUs: Calls.nowUs).limits
        #expect(limits.maxCallSeconds == 0 && limits.windDownSeconds == 45)
    }

    @Test(arguments: [
        ("America/New_York", "Tuesday 2023-11-14 17:13"), ("Pacific/Auckland", "Wednesday 2023-11-15 11:13"),
        ("Asia/Kolkata", "Wednesday 2023-11-15 03:43"), ("UTC", "Tuesday 2023-11-14 22:13"),
    ])
    func `today is where the businesses are`(_ zone: String, now: String) throws {
        let book = try self.book(
            "time_zone: \(zone)",
            instructions: "{{weekday}} {{date}} {{time}}{{#time_zone}} {{time_zone}}{{/time_zone}}"
        )
        #expect(
            book.plan(for: Calls.requested(), atUs: Calls.nowUs).agent.instructions
                == "\(now) \(book.timeZone?.name ?? "?")"
        )
    }

    @Test func `without a zone, today is reckoned in UTC`() throws {
        let book = try self.book("", instructions: "{{date}} {{time}}{{#time_zone}} {{time_zone}}{{/time_zone}}")
        #expect(book.plan(for: Calls.requested(), atUs: Calls.nowUs).agent.instructions == "2023-11-14 22:13")
    }

    /// A call that was handed over and has a result of each kind.
    private static var withResults: CallState {
        var state = Calls.requested {
            $0.category = "garage"
            $0.userID = "u1"
            $0.userData = #"{"car": "VW"}"#
            $0.quotes = #"[{"price": 40}, {"price": "50"}]"#
        }
        state.quotes = [
            .with {
                $0.quoteID = "q1"
                $0.price = "45.00"
                $0.currency = "USD"
                $0.details = "oil"
                // Not the call's: nothing.
                $0.availability = ""
            }
        ]
        state.appointments = [
            .with {
                $0.date = "2023-11-20"
                $0.time = "14:00"
                $0.confirmationNumber = "A1"
                $0.notes = "bring it"
            }
        ]
        state.orders = [
            .with {
                $0.items = [
                    .with {
                        $0.name = "pizza"
                        $0.quantity = 2
                        $0.customizations = ["no onions"]
                    }
                ]
                $0.totalPrice = "20.00"
                $0.currency = "EUR"
                $0.estimatedTime = "soon"
                $0.delivery = "home"
                $0.confirmationNumber = "B2"
            }
        ]
        state.offers = [
            .with {
                $0.description_p = "bundle"
                $0.discount = "10 %"
                $0.validUntil = "May"
                $0.conditions = "cash"
            }
        ]
        state.handoffs = [
            .with {
                $0.fromAgent = "other"
                $0.reason = "why"
                $0.context = "what"
            }
        ]
        return state
    }

    @Test func `all that is known of a call can be named`() throws {
        let book = try self.book(
            "",
            instructions: """
                {{business}}|{{request}}|{{request_id}}|{{category}}|{{user_id}}|{{user_data}}|{{#inbound}}in{{/inbound}}|\
                {{#results}}R{{/results}}|{{#quotes}}{{quote_id}} {{price}} {{details}} {{availability}} {{business}};{{/quotes}}|\
                {{#other_quotes}}{{price}} {{business}};{{/other_quotes}}|{{#given_quotes}}{{quote}};{{/given_quotes}}|\
                {{#appointments}}{{date}} {{time}} {{confirmation_number}} {{notes}};{{/appointments}}|\
                {{#orders}}{{items}} {{total_price}} {{confirmation_number}} {{estimated_time}} {{delivery}};{{/orders}}|\
                {{#offers}}{{description}} {{discount}} {{valid_until}} {{conditions}};{{/offers}}|\
                {{#handoff}}{{from}} {{reason}} {{context}}{{/handoff}}
                """
        )
        let state = Self.withResults
        let other = Quote.with {
            $0.businessName = "B"
            $0.price = "1.00"
            $0.currency = "USD"
        }
        let session = try #require(book.session(of: "main", in: state, otherQuotes: [other], atUs: Calls.nowUs))
        #expect(
            session.instructions.split(separator: "|", omittingEmptySubsequences: false).map(String.init) == [
                "\"Test Business\"", "\"Get quote for service\"", "\"req-1\"", "\"garage\"", "\"u1\"", #"{"car":"VW"}"#,
                "", "R",
                #"q1 45.00 USD "oil"  ;"#, #"1.00 USD "B";"#, #"{"price":40};{"price":"50"};"#,
                #"2023-11-20 14:00 "A1" "bring it";"#, #""2 x pizza (no onions)" 20.00 EUR "B2" "soon" "home";"#,
                #""bundle" "10 %" "May" "cash";"#, #"other "why" "what""#,
            ]
        )
        #expect(book.session(of: "nobody", in: state, atUs: Calls.nowUs) == nil)
    }

    @Test func `partials are shared`() throws {
        let book = try self.book(
            "partials:\n  kind: |\n    Be kind to {{business}}.\n    {{#inbound}}\n    x\n    {{/inbound}}",
            instructions: "{{> kind}}"
        )
        #expect(
            book.plan(for: Calls.requested(), atUs: Calls.nowUs).agent.instructions == "Be kind to \"Test Business\"."
        )
    }
}
