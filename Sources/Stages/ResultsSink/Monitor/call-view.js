// The elements of one call, and how they follow its model.

import { latency } from "./charts.js";
import {
    appointmentCard, comparisonCard, handoffEntry, latencyTable, momentEntry, offerCard, orderCard, quoteCard,
    toolEntry,
} from "./call-details.js";
import { clearList, element, setAttribute, setText, syncList } from "./dom.js";
import {
    count, dollars, duration, levelShare, milliseconds, outcomeKind, statusKind, timeFormats, title,
} from "./format.js";
import { Transcript } from "./transcript.js";

const connectionNames = {
    connecting: ["waiting", "Connecting"], history: ["waiting", "Loading"], live: ["live", "Live"],
    waiting: ["waiting", "Reconnecting"], missing: ["waiting", "Not known yet"], denied: ["bad", "Not logged in"],
    closed: ["done", "Closed"],
};

const resultCards = [
    ["comparison", comparisonCard], ["quote", quoteCard], ["order", orderCard], ["appointment", appointmentCard],
    ["offer", offerCard],
];

export class CallView {
    #parts = {};
    #transcript = new Transcript();
    #formats = timeFormats("");

    /** @param {() => void} onEnd somebody wants the call to end. */
    constructor(onEnd) {
        this.node = element("article", { class: "call", "aria-busy": "true" },
            this.#head(), this.#part("notice", "p", { class: "notice", role: "alert", hidden: true }),
            this.#facts(), this.#columns());
        this.#parts.end.addEventListener("click", onEnd);
    }

    #part(name, tag, attributes = {}, ...children) {
        return this.#parts[name] = element(tag, attributes, ...children);
    }

    #head() {
        return element("header", { class: "head" },
            element("div", { class: "who" },
                this.#part("business", "h2"), this.#part("request", "p", { class: "request" }),
                this.#part("sid", "p", { class: "sid" })),
            element("div", { class: "state" },
                this.#part("status", "span", { class: "chip dot" }),
                this.#part("connection", "span", { class: "chip", role: "status" }),
                this.#part("end", "button", { type: "button", class: "danger", hidden: true }, "End call")));
    }

    #facts() {
        const fact = (name, label) => element("div", {}, element("dt", {}, label), this.#part(name, "dd"));
        return element("dl", { class: "facts" },
            element("div", {}, element("dt", {}, "Duration"),
                element("dd", {}, this.#part("duration", "span", { role: "timer", "aria-live": "off" }))),
            fact("agent", "Agent"),
            fact("outcome", "Outcome"), fact("tone", "Tone"), fact("cost", "Cost so far"), fact("wait", "Median wait"));
    }

    #columns() {
        const panel = (name, heading, ...content) => this.#part(
            name, "section", { class: "panel", "aria-label": heading }, element("h3", {}, heading), ...content);
        const list = (name, tag, kind) => this.#part(name, tag, { class: kind });
        return element("div", { class: "columns" },
            element("section", { class: "panel conversation", "aria-label": "Conversation" },
                element("h3", {}, "Conversation"), this.#transcript.node),
            element("div", { class: "side" },
                panel("levelsPanel", "Levels", element("div", { class: "levels" },
                    this.#meter("agentLevel", "Agent", "agent"), this.#meter("personLevel", "Person", "person"))),
                panel("resultsPanel", "Results", this.#part("noResults", "p", { class: "nothing" }),
                    list("results", "ul", "cards")),
                panel("handoffsPanel", "Handoffs", list("handoffs", "ol", "timeline")),
                panel("turnsPanel", "Wait for an answer, by turn", this.#part("turnsChart", "div"),
                    element("p", { class: "legend" }, element("span", {}, "First audio"),
                        element("span", { class: "two" }, "Until played")),
                    element("details", {}, element("summary", {}, "As a table"), this.#part("turnsTable", "div"))),
                panel("toolsPanel", "Tools", list("tools", "ol", "tools")),
                panel("momentsPanel", "Moments", list("moments", "ol", "moments"))));
    }

    #meter(name, label, kind) {
        const bar = element("span");
        const meter = element("span", {
            class: `meter ${kind}`, role: "meter", "aria-label": `Level of the ${kind}`, "aria-valuemin": "-60",
            "aria-valuemax": "0", "aria-valuenow": "-60", "aria-valuetext": "silent",
        }, bar);
        const output = element("output", { "aria-live": "off", "aria-hidden": "true" });
        this.#parts[name] = { bar, meter, output };
        return element("div", { class: "level" }, element("span", {}, label), meter, output);
    }

    setTimeZone(model, zone) {
        this.#formats = timeFormats(zone);
        this.#transcript.clear();
        for (const kind of ["handoffs", "moments"]) clearList(this.#parts[kind]);
        if (model.call) this.show(model, new Set(["call", "utterance", "handoff", "moment"]));
    }

    showConnection(state) {
        const [kind, name] = connectionNames[state];
        setAttribute(this.#parts.connection, "data-kind", kind);
        setText(this.#parts.connection, name);
        setAttribute(this.node, "aria-busy", state === "connecting" || state === "history" ? "true" : "false");
    }

    /** @param {string} text empty: nothing is wrong. */
    showNotice(text) {
        setAttribute(this.#parts.notice, "hidden", !text);
        setText(this.#parts.notice, text);
    }

    showEnding(isEnding) {
        this.#parts.end.disabled = isEnding;
        setText(this.#parts.end, isEnding ? "Ending" : "End call");
    }

    announce(utterance) {
        this.#transcript.announce(utterance);
    }

    /** @param {Set<string>} changed as `CallModel.apply` names it. */
    show(model, changed) {
        const has = (...names) => names.some((name) => changed.has(name));
        if (has("call")) this.#showCall(model.call);
        if (has("call", "utterance", "tool", "handoff")) this.#transcript.showConversation(model, this.#formats);
        if (has("call", "partials", "utterance")) this.#transcript.showPartials(model);
        if (has("call", "levels")) this.#showLevels(model.levels);
        if (has("call", "quote", "appointment", "order", "offer", "comparison")) this.#showResults(model);
        if (has("turn")) this.#showTurns(model.list("turn"));
        this.#showList(model, changed, "handoff", handoffEntry);
        this.#showList(model, changed, "tool", toolEntry);
        this.#showList(model, changed, "moment", momentEntry);
    }

    #showCall(call) {
        const parts = this.#parts;
        setText(parts.business, call.businessName || "Unknown business");
        setText(parts.request, call.userRequest);
        parts.sid.replaceChildren(
            `${call.direction === "inbound" ? "Inbound, began" : "Began"} ${this.#formats.moment(call.startedAt)} · `,
            element("code", {}, call.callSid));
        setText(parts.status, title(call.status));
        setAttribute(parts.status, "data-kind", statusKind(call));
        setAttribute(parts.end, "hidden", !call.inProgress);
        setText(parts.agent, title(call.agent) || "–");
        parts.outcome.replaceChildren(call.outcome
            ? element("span", { class: "chip", "data-kind": outcomeKind(call.outcome) }, title(call.outcome))
            : "–");
        if (call.endReason) parts.outcome.append(element("small", {}, title(call.endReason)));
        const tone = call.tone ?? {};
        parts.tone.replaceChildren(title(tone.sentiment || tone.emotion) || "–");
        const urgency = tone.urgency ? `urgency ${tone.urgency}` : "";
        const rest = [tone.sentiment ? tone.emotion : "", urgency].filter(Boolean);
        if (rest.length > 0) parts.tone.append(element("small", {}, rest.join(", ")));
        parts.cost.replaceChildren(dollars(call.cost));
        const tokens = Object.entries(call.usage ?? {}).filter(([name]) => !name.startsWith("cached"))
            .reduce((total, [, number]) => total + number, 0);
        if (tokens > 0) parts.cost.append(element("small", {}, count(tokens.toLocaleString(), "token")));
    }

    showDuration(seconds) {
        setText(this.#parts.duration, duration(seconds));
    }

    #showLevels(levels) {
        const show = ({ bar, meter, output }, dbfs) => {
            const share = levelShare(dbfs);
            const text = share > 0 ? `${Math.round(dbfs)} dBFS` : "silent";
            bar.style.transform = `scaleX(${share.toFixed(3)})`;
            setAttribute(meter, "aria-valuenow", Math.round(share * 60 - 60));
            setAttribute(meter, "aria-valuetext", text);
            setText(output, text);
        };
        show(this.#parts.agentLevel, levels?.outboundDbfs ?? -Infinity);
        show(this.#parts.personLevel, levels?.inboundDbfs ?? -Infinity);
        setAttribute(this.#parts.levelsPanel, "hidden", levels === null);
    }

    #showResults(model) {
        const cards = resultCards.flatMap(([kind, make]) => model.list(kind).map((item) => {
            const node = make(item);
            setAttribute(node, "data-recorded-at", item.recordedAt);
            return node;
        }));
        this.#parts.results.replaceChildren(...cards);
        setAttribute(this.#parts.noResults, "hidden", cards.length > 0);
        setText(this.#parts.noResults, model.call?.inProgress
            ? "What the business says appears here: quotes, appointments, orders, offers." : "None.");
    }

    #showTurns(turns) {
        const waits = turns.map((turn) => turn.firstAudioMs).filter((ms) => ms > 0).sort((one, other) => one - other);
        const median = waits[Math.floor((waits.length - 1) / 2)];
        setText(this.#parts.wait, milliseconds(median));
        setAttribute(this.#parts.turnsPanel, "hidden", turns.length === 0);
        const name = `${count(turns.length, "turn")}, median wait ${milliseconds(median)}`;
        this.#parts.turnsChart.replaceChildren(latency(name, turns, milliseconds));
        this.#parts.turnsTable.replaceChildren(latencyTable(turns));
    }

    #showList(model, changed, kind, make) {
        const items = model.list(kind);
        setAttribute(this.#parts[`${kind}sPanel`], "hidden", items.length === 0);
        if (!changed.has(kind)) return;
        syncList(this.#parts[`${kind}s`], items, (item) => item, (item) => make(item, this.#formats));
    }
}
