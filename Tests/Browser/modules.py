"""The page's modules one by one, and the wall with more calls than a page of them: without a running system."""

import json
import re
import sys

from monitor import Monitor, expect, monitor
from wall_source import Calls, serve

PARSER = """async () => {
    const { EventParser } = await import("/monitor/event-stream.js");
    const text = ": ping\\r\\n\\r\\nevent: call\\r\\nid: 7\\r\\ndata: {\\"a\\":\\r\\ndata: 1}\\r\\n\\r\\n" +
        "data:plain\\n\\nevent: none\\nid: 8\\n\\nid: 9\\nevent: cut\\ndata: never ended";
    const results = [];
    for (const size of [1, 2, 3, 7, text.length]) {
        const parser = new EventParser();
        const events = [];
        for (let at = 0; at < text.length; at += size) events.push(...parser.take(text.slice(at, at + size)));
        results.push(JSON.stringify([events, parser.lastEventID]));
    }
    return [...new Set(results)];
}"""

MODEL = """async () => {
    const { CallModel } = await import("/monitor/call-model.js");
    const events = [
        ["call", { inProgress: true, startedAt: "2026-11-23T17:00:00Z" }],
        ["partial", { itemId: "b", speaker: "agent", text: "Hel" }],
        ["utterance", { itemId: "b", position: 2, speaker: "agent", text: "Hello", at: "2026-11-23T17:00:02Z" }],
        ["utterance", { itemId: "a", position: 1, speaker: "person", text: "Hi", at: "2026-11-23T17:00:01Z" }],
        ["partial", { itemId: "b", speaker: "agent", text: "Hello" }],
        ["tool", { toolCallId: "t", position: 3, name: "extract_quote", completed: false, startedAt: null }],
        ["tool", { toolCallId: "t", position: 3, name: "extract_quote", completed: true, succeeded: true }],
        ["tool", { toolCallId: "u", position: 4, name: "transfer_to_x", completed: true, succeeded: true }],
        ["handoff", { position: 0, toAgent: "x", timestamp: "2026-11-23T17:00:03Z" }],
        ["utterance", { itemId: "b", position: 2, speaker: "agent", text: "Hel …", at: "2026-11-23T17:00:02Z" }],
        ["partial", { itemId: "c", speaker: "person", text: "Wai" }],
        ["unknown", { itemId: "d" }],
    ];
    const model = new CallModel();
    for (const times of [1, 2]) for (const [name, data] of events) model.apply(name, data);
    const shown = model.conversation.map(({ kind, item }) => item.text ?? item.name ?? kind);
    const partials = [...model.partials.keys()];
    model.apply("call", { inProgress: false });
    model.apply("partial", { itemId: "e", speaker: "person", text: "late" });
    return { shown, partials, left: model.partials.size, levels: model.apply("levels", {}) };
}"""

UNHEARD = """async () => {
    const { unheardOf } = await import("/monitor/transcript.js");
    return [
        unheardOf({ text: "One two", generatedText: "One two three" }),
        unheardOf({ text: "One two …", generatedText: "One two three" }),
        unheardOf({ text: "", generatedText: "One" }), unheardOf({ text: "One", generatedText: null }),
    ];
}"""

LIST = """async () => {
    const { CallList } = await import("/monitor/call-list.js");
    const list = new CallList();
    const call = (number, inProgress) => ({
        callSid: `CA${number}`, inProgress, startedAt: new Date(1e12 + number * 1000).toISOString(),
    });
    for (let number = 0; number < 1500; number += 1) list.put(call(number, number % 100 === 0));
    const sorted = list.sorted;
    return [list.size, sorted.slice(0, 2).map((call) => call.callSid), sorted.at(-1).callSid];
}"""


def check_modules(page) -> None:
    [only] = page.evaluate(PARSER)
    events, last = json.loads(only)
    assert events == [{"name": "call", "data": '{"a":\n1}'}, {"name": "message", "data": "plain"}], events
    assert last == "8", "an id counts when its event is whole"
    model = page.evaluate(MODEL)
    assert model == {
        "shown": ["Hi", "Hel …", "handoff", "extract_quote"], "partials": ["c"], "left": 0, "levels": ""
    }, model
    assert page.evaluate(UNHEARD) == [" three", "three", "One", ""]
    # Those in progress, and the newest two hundred of the others.
    assert page.evaluate(LIST) == [215, ["CA1400", "CA1300"], "CA1298"]


def check_pages(opened: Monitor) -> None:
    """Older calls come page by page, until there are no more."""
    page = opened.page()
    ended = [
        {**Calls(1, 0, 0).begin(), "callSid": f"CA{number + 4096:032x}", "inProgress": False,
         "businessName": f"Old {number}", "startedAt": f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}.000Z"}
        for number in range(500)
    ]

    def answer(route) -> None:
        cursor = re.search(r"cursor=(\d+)", route.request.url)
        start = int(cursor.group(1)) if cursor else 0
        calls = ended[start:start + 200]
        route.fulfill(json={"calls": calls, "nextCursor": str(start + 200) if start + 200 < 500 else None})

    page.route(re.compile("/api/voice/calls[?]"), answer)
    page.goto(opened.url)
    rows = page.locator("[data-call-sid]")
    more = page.get_by_role("button", name="Show older calls")
    for count in (203, 403, 503):
        expect(rows).to_have_count(count)
        if count < 503:
            more.click()
    expect(more).to_be_hidden()
    # What nobody looks for any more is forgotten.
    page.get_by_role("searchbox").fill("Business")
    expect(rows).to_have_count(3)


if __name__ == "__main__":
    sys.argv[1:] = [serve(Calls(3, 0, 0))]
    with monitor() as opened:
        page = opened.page()
        page.goto(opened.url)
        check_modules(page)
        check_pages(opened)
