import CallEvents
import JSON
import OpenAIRealtime
import Testing

@Suite struct `What a call costs` {
    private static let usage: TokenUsage = {
        var usage = TokenUsage()
        usage.inputText = 210
        usage.inputAudio = 120
        usage.cachedText = 192
        usage.cachedAudio = 20
        usage.outputText = 22
        usage.outputAudio = 60
        return usage
    }()

    /// By hand: (210 − 192) · 4 + 192 · 0.4 + (120 − 20) · 32 + 20 · 0.4 + 22 · 24 + 60 · 64 dollars per million.
    @Test(arguments: [
        ("gpt-realtime-2.1", 7_724_800), ("gpt-realtime-2.1-2026-09-01", 7_724_800),
        ("gpt-realtime-2.1-mini", 2_281_120), ("gpt-realtime-1.5", 7_548_800), ("gpt-realtime-2.1x", 0), ("", 0),
    ])
    func `cached tokens are part of the input, at their own price`(_ model: String, _ nanodollars: Int64) {
        #expect(PriceTable.standard.nanodollars(Self.usage, model: model) == nanodollars)
    }

    @Test func `transcription is billed by the minute or by tokens`() throws {
        var usage = TranscriptionUsage()
        usage.seconds = 20
        #expect(PriceTable.standard.nanodollars(usage, model: "gpt-transcribe") == 1_500_000)
        let table = try PriceTable(json: ["t": ["audioIn": 3, "textOut": 5]])
        usage.inputAudio = 100
        usage.output = 10
        #expect(table.nanodollars(usage, model: "t") == 350_000)
        #expect(table.nanodollars(Self.usage, model: "gpt-realtime-2.1") == 7_724_800)
    }

    @Test func `each response and each transcription says what it cost`() {
        var call = Call()
        call.start()
        call.model(.opened(ModelSession(id: "s", model: "gpt-realtime-2.1")))
        call.model(.configured(ModelSession(id: "s", model: "gpt-realtime-2.1")))
        call.turn("u1")
        var spoken = TranscriptionUsage()
        spoken.seconds = 60
        call.model(.personTranscript(itemID: "u1", "Hello", usage: spoken))
        call.model(.responseStarted(responseID: "r1"))
        call.model(.responseEnded(ModelResponse(id: "r1", status: .cancelled, usage: Self.usage)))
        #expect(call.responsesDone.map(\.costNanodollars) == [7_724_800])
        let transcriptions = call.events.map(\.transcriptionDone).filter { !$0.itemID.isEmpty }
        #expect(transcriptions.map(\.costNanodollars) == [4_500_000])
        #expect(transcriptions.map(\.audioMs) == [60_000])
    }
}
