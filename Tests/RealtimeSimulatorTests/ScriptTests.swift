import Foundation
import JSON
import RealtimeSimulator
import Testing

struct ScriptTests {
    @Test func `reads the documented form`() throws {
        let script = try Script(
            json: """
                {
                  "pace": 4, "thinkMs": 100, "transcriptionMs": 50, "sessionSeconds": 60, "pingSeconds": 5,
                  "tokensLeft": 100, "tokenResetSeconds": 600,
                  "rules": [
                    {"heard": "greeting", "do": [{"say": "ask"}]},
                    {"heard": "price", "timesPerSession": 1, "do": [
                      {"call": "extract_quote", "arguments": {"price": 45}}, {"waitMs": 20}, {"call": "f", "arguments": "{bad"}
                    ]},
                    {"toolOutput": "extract_quote", "sessions": [2], "do": [{"say": "confirm", "fault": {"drop": true}, "faultAtMs": 600}]},
                    {"unrecognised": true, "times": 1, "do": [{"fail": {"code": "server_error"}}]},
                    {"idle": true, "do": []},
                    {"opening": true, "do": [{"stallMs": 10}, {"expire": true}, {"close": 1011, "reason": "r"}]}
                  ],
                  "faults": [
                    {"upgrade": true, "times": 2, "do": {"refuse": 429}},
                    {"openMs": 5000, "do": {"drop": true}},
                    {"eventsSent": 7, "do": {"error": {"code": "rate_limit_exceeded"}}},
                    {"eventsReceived": 8, "sessions": [1], "do": {"drop": true}},
                    {"heardMs": 9, "do": {"drop": true}}, {"openMs": 0, "do": {"mute": true}},
                    {"openMs": 0, "do": {"garbage": "{"}}, {"openMs": 0, "do": {"format": "audio/pcma"}}
                  ]
                }
                """
        )
        #expect(script.pace == 4)
        #expect(
            script.rules.map(\.trigger) == [
                .heard("greeting"), .heard("price"), .toolOutput("extract_quote"), .unrecognised, .idle, .opening,
            ]
        )
        #expect(
            script.rules[1].actions == [
                .call("extract_quote", ["price": 45]), .wait(ms: 20), .call("f", "{bad"),
            ]
        )
        #expect(script.rules[2].actions == [.say("confirm", fault: .drop, faultAtMs: 600)])
        #expect(
            script.rules[5].actions == [
                .fault(.stall(ms: 10)), .fault(.expire), .fault(.close(code: 1011, reason: "r")),
            ]
        )
        #expect(
            script.faults.map(\.moment) == [
                .upgrade, .open(ms: 5000), .sent(events: 7), .received(events: 8), .heard(ms: 9), .open(ms: 0),
                .open(ms: 0),
                .open(ms: 0),
            ]
        )
        #expect(script.faults.suffix(3).map(\.fault) == [.mute, .garbage("{"), .format("audio/pcma")])
        #expect(script.tokensLeft == 100 && script.tokenResetSeconds == 600)
        // And what it writes it reads.
        let written = try JSONEncoder().encode(script)
        #expect(try Script(json: String(decoding: written, as: UTF8.self)) == script)
    }

    @Test func `an empty document is the demo`() throws {
        #expect(try Script(json: "{}") == Script.demo)
    }

    @Test(arguments: [
        #"{"rules":[{"do":[]}]}"#,
        #"{"rules":[{"heard":"a","idle":true,"do":[]}]}"#,
        #"{"rules":[{"heard":"a","doo":[]}]}"#,
        #"{"rules":[{"heard":"a","do":[{"sing":"ask"}]}]}"#,
        #"{"rules":[{"heard":"a","do":[{"say":"nobody's"}]}]}"#,
        #"{"faults":[{"do":{"drop":true}}]}"#,
        #"{"faults":[{"openMs":1,"do":{}}]}"#,
        #"{"faults":[{"openMs":1,"do":{"format":"audio/flac"}}]}"#,
        #"{"pace":0}"#,
        #"{"tokensLeft":40001}"#,
        #"{"rulse":[]}"#,
        "[]",
    ])
    func `refuses what it does not know`(_ json: String) {
        #expect(throws: (any Error).self) { try Script(json: json) }
    }
}
