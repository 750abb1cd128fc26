import CallEvents
import JSON
import NIOCore
import OpenAIRealtime
import Testing

@Suite struct `Turns and barge-in` {
    @Test func `a turn and its answer become events, with the audio that was answered`() throws {
        var call = Call.ready()
        call.turn("u1", frames: 10)
        call.model(.itemAdded(itemID: "a1", previousItemID: "u1", kind: .message))
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.model(.personTranscript(itemID: "u1", "Hello"))

        #expect(
            call.events.map(\.eventID) == [
                "speech-started/\(Call.sid)/u1", "speech-stopped/\(Call.sid)/u1",
                "reply-progressed/\(Call.sid)/a1/100/8", "utterance/\(Call.sid)/a1",
                "response-done/\(Call.sid)/r1", "utterance/\(Call.sid)/u1",
            ]
        )
        let agent = try #require(call.utterances.first)
        #expect(agent.text == "Good day" && agent.previousItemID == "u1" && agent.speaker == .agent)
        #expect(agent.agent == "main_concierge" && agent.audioMs == 100 && !agent.interrupted)
        #expect(agent.heardThrough == position(1, 9))
        let done = try #require(call.responsesDone.first)
        #expect(done.status == "completed" && done.heardThrough == position(1, 9) && done.spokenItems == 1)
        #expect(done.firstAudioMs > 0)
        let person = try #require(call.utterances.last)
        #expect(person.text == "Hello" && person.speaker == .person && person.startedAtUs < agent.startedAtUs)
        // The model answers turns by itself.
        #expect(call.responseRequests == 0)
    }

    @Test func `barge-in clears first, then truncates every item that was not played to its end`() throws {
        var call = Call.ready()
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 100)
        call.model(.audioEnded(responseID: "r1", itemID: "a1"))
        call.model(.agentTranscript(responseID: "r1", itemID: "a1", "One"))
        call.speak("a2", in: "r1", ms: 50)
        call.finish("a2", in: "r1", text: "Two")
        call.hear(1, playout: playout("a1", 60))
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 5000))

        guard case .clear(let clear)? = call.actions.first else {
            Issue.record("the clear is not the first action")
            return
        }
        #expect(clear.control == .clear && clear.playoutEpoch == 1 && clear.sessionEpoch == 7)
        #expect(clear.outboundPartition == 3 && clear.streamEpoch == 1)
        #expect(
            call.commands == [
                .truncate(itemID: "a1", contentIndex: 0, playedMs: 60),
                .truncate(itemID: "a2", contentIndex: 0, playedMs: 0),
            ]
        )
        guard case .speechStarted(let started)? = call.events.first?.body else {
            Issue.record("no speech_started")
            return
        }
        #expect(started.interruptedItemID == "a1" && started.playedMs == 60)
        #expect(call.utterances.map(\.interrupted) == [true, true])
        #expect(call.utterances.map(\.playedMs) == [60, 0])
        #expect(call.events.map(\.eventID).contains("utterance-interrupted/\(Call.sid)/a1"))

        // The next reply plays in the new epoch.
        call.model(.speechStopped(itemID: "u2"))
        call.forget()
        call.reply("a3", in: "r2", ms: 20)
        #expect(call.clears.isEmpty)
        #expect(call.played.map(\.playoutEpoch) == [1])
    }

    @Test func `the truncation never exceeds the audio that the model gave`() {
        var call = Call.ready()
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 33)
        call.hear(1, playout: playout("a1", 40))
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 5000))
        #expect(call.commands == [.truncate(itemID: "a1", contentIndex: 0, playedMs: 33)])
    }

    @Test func `what comes late of an interrupted response is not played, and its words are cut`() throws {
        var call = Call.ready()
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 200, text: "Our opening hours")
        call.hear(1, playout: playout("a1", 80))
        call.model(.speechStarted(itemID: "u2", audioStartMs: 5000))
        call.forget()
        call.speak("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1", text: "Our opening hours", status: .cancelled)
        #expect(call.played.isEmpty)
        let utterance = try #require(call.utterances.first)
        #expect(utterance.interrupted && utterance.playedMs == 80 && utterance.audioMs == 200)
        #expect(call.utterances.count == 1)
        #expect(call.responsesDone.map(\.status) == ["cancelled"])
    }

    @Test func `nothing is cleared when all was played, or nothing was said`() {
        var call = Call.ready()
        call.turn("u1")
        #expect(call.clears.isEmpty)
        call.reply("a1", in: "r1", ms: 40)
        call.finish("a1", in: "r1")
        call.hear(1, playout: playout("a1", 40))
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 5000))
        #expect(call.clears.isEmpty && call.commands.isEmpty)
        #expect(call.events.count == 1)
    }

    @Test func `a reply that was cut before its first sound is nobody's utterance`() {
        var call = Call.ready()
        call.turn("u1")
        call.model(.responseStarted(responseID: "r1"))
        call.model(.agentTranscriptDelta(responseID: "r1", itemID: "a1", "It"))
        call.model(.speechStarted(itemID: "u2", audioStartMs: 5000))
        call.finish("a1", in: "r1", status: .cancelled)
        #expect(call.utterances.isEmpty && call.played.isEmpty && call.clears.isEmpty)
    }

    @Test func `harmless errors change nothing; a fatal one ends the call`() {
        var call = Call.ready()
        call.model(.failed(ModelFailure(kind: .harmless, code: "response_cancel_not_active")))
        #expect(call.actions.isEmpty)
        call.model(.failed(ModelFailure(kind: .fault, code: "invalid_value")))
        #expect(call.events.map(\.errorOccurred.fatal) == [false])
        call.forget()
        call.model(.failed(ModelFailure(kind: .fatal, code: "insufficient_quota")))
        #expect(call.events.first?.errorOccurred.code == "realtime_refused")
        #expect(call.events.first?.errorOccurred.fatal == true)
        #expect(call.events.last?.sessionEnded.reason == "realtime_refused")
        #expect(call.actions.last == .end)
        call.forget()
        call.hear(3)
        call.model(.speechStarted(itemID: "u1", audioStartMs: 0))
        #expect(call.actions.filter { $0 != .drop(.ended) }.isEmpty)
    }

    @Test func `an overloaded service is asked again only for what was asked`() {
        var call = Call.ready()
        let overload = ModelFailure(kind: .load, code: "rate_limit_exceeded")
        call.model(.failed(overload))
        #expect(call.actions.count == 1)
        call.actions += call.conversation.timerFired(.retryResponse)
        #expect(call.responseRequests == 0)
        call.turn("u1")
        call.model(.failed(overload))
        #expect(call.actions.last == .schedule(.retryResponse, after: .seconds(1)))
        call.actions += call.conversation.timerFired(.retryResponse)
        call.actions += call.conversation.timerFired(.retryResponse)
        #expect(call.responseRequests == 1)
    }

    @Test func `a failed response is tried again a few times, then the call ends`() {
        var call = Call.ready()
        call.turn("u1")
        for attempt in 1...4 {
            call.forget()
            call.model(.responseStarted(responseID: "r\(attempt)"))
            let failure = ModelFailure(kind: .load, code: "server_error")
            call.model(.responseEnded(ModelResponse(id: "r\(attempt)", status: .failed, failure: failure)))
            guard attempt < 4 else { break }
            let timers = call.actions.filter { if case .schedule(.retryResponse, _) = $0 { true } else { false } }
            #expect(timers.count == 1)
            call.actions += call.conversation.timerFired(.retryResponse)
            #expect(call.responseRequests == 1)
        }
        #expect(call.actions.last == .end)
    }

    @Test(arguments: Vectors.sequences.filter { $0.name.hasPrefix("interruption") })
    func `the recorded interruptions end in the recorded truncation`(_ sequence: Vectors.Sequence) throws {
        var call = Call()
        call.start()
        let truncate = try #require(sequence.steps.last { $0.event["type"] == "conversation.item.truncate" }?.event)
        let heardMs = UInt32(try #require(truncate["audio_end_ms"]?.intValue))
        let itemID = try #require(truncate["item_id"]?.stringValue)
        var speeches = 0
        for step in sequence.steps where step.fromServer {
            if step.event["type"] == "input_audio_buffer.speech_started" {
                speeches += 1
                call.hear(1, playout: speeches > 1 ? playout(itemID, heardMs) : nil)
            }
            try call.message(step.event)
        }
        let truncations = call.commands.filter { if case .truncate = $0 { true } else { false } }
        #expect(truncations == [.truncate(itemID: itemID, contentIndex: 0, playedMs: Int(heardMs))])
        #expect(call.clears.count == 1)
        #expect(call.utterances.last?.interrupted == true)
        #expect(call.utterances.last?.playedMs == heardMs)
    }

    @Test func `a session that speaks another format than it was asked for is no session`() {
        var call = Call(.passthrough)
        call.start()
        call.model(.opened(ModelSession(id: "s", model: "m")))
        call.model(.configured(ModelSession(id: "s", model: "m", inputFormat: "audio/pcmu", outputFormat: "audio/pcm")))
        #expect(call.events.map(\.errorOccurred.message).first == "audio_format")
        #expect(call.actions.last == .end)
    }
}
