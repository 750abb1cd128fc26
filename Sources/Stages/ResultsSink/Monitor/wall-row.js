// One call on the wall: made once, then only what has changed is written.

import { element, setAttribute, setText } from "./dom.js";
import { count, duration, levelShare, outcomeKind, results, secondsOf, statusKind, title } from "./format.js";

export class WallRow {
    call = null;
    #link = element("a");
    #request = element("span");
    #status = element("span", { class: "chip dot" });
    #agent = cell("holder");
    #bars = [element("span"), element("span")];
    #meters = cell("meters",
        element("span", { class: "meter agent", "aria-hidden": "true" }, this.#bars[0]),
        element("span", { class: "meter person", "aria-hidden": "true" }, this.#bars[1]));
    #outcome = element("span", { class: "chip" });
    #results = element("strong");
    #found = cell("found", this.#outcome, " ", this.#results);
    #duration = document.createTextNode("");
    #began = element("span");

    constructor() {
        this.node = element("div", { role: "row" },
            cell("who", this.#link, this.#request), cell("status", this.#status), this.#agent, this.#meters,
            this.#found, cell("time", this.#duration, this.#began));
    }

    update(call, formats) {
        this.call = call;
        setAttribute(this.node, "data-call-sid", call.callSid);
        setAttribute(this.node, "data-recorded-at", call.recordedAt);
        setAttribute(this.#link, "href", `#/calls/${encodeURIComponent(call.callSid)}`);
        setText(this.#link, call.businessName || "Unknown business");
        setText(this.#request, call.userRequest);
        setText(this.#status, title(call.status));
        setAttribute(this.#status, "data-kind", statusKind(call));
        setText(this.#agent, title(call.agent));
        for (const meter of this.#meters.children) setAttribute(meter, "hidden", !call.inProgress);
        this.#showResults(call);
        setText(this.#began, formats.short(call.startedAt));
    }

    #showResults(call) {
        const text = results(call.counts).join(", ");
        setText(this.#outcome, title(call.outcome));
        setAttribute(this.#outcome, "hidden", !call.outcome);
        setAttribute(this.#outcome, "data-kind", outcomeKind(call.outcome));
        setText(this.#results, text);
        setAttribute(this.#found, "data-empty", !text && !call.outcome);
    }

    tick(clockOffset) {
        const text = this.call.answeredAt ? duration(secondsOf(this.call, clockOffset)) : "–";
        if (this.#duration.data !== text) this.#duration.data = text;
    }

    /** @param {number[]} levels dBFS of the person and of the agent. */
    showLevels(levels) {
        const [inbound, outbound] = levels ?? [-Infinity, -Infinity];
        scale(this.#bars[0], outbound);
        scale(this.#bars[1], inbound);
    }
}

/** In steps of a fiftieth, so that a level that hardly moves paints nothing. */
function scale(bar, dbfs) {
    const transform = `scaleX(${(Math.round(levelShare(dbfs) * 50) / 50).toFixed(2)})`;
    if (bar.style.transform !== transform) bar.style.transform = transform;
}

function cell(name, ...children) {
    return element("div", { role: "cell", class: name }, ...children);
}

/** What the wall says about how many there are. */
export function summaryOf(inProgress, shown) {
    return `${count(inProgress, "call")} in progress, ${shown} shown`;
}
