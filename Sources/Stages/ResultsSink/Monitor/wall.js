// The wall: all calls in progress and the recent ones, as they change.

import { CallList, matches, query } from "./call-list.js";
import { element, listed, oncePerFrame, setAttribute, setText, syncList } from "./dom.js";
import { EventStream } from "./event-stream.js";
import { timeFormats, title } from "./format.js";
import { fromTemplate } from "./template.js";
import { summaryOf, WallRow } from "./wall-row.js";

const statuses = [
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled",
];
const agents = ["main_concierge", "quotes_validator", "order_placer", "appointment_scheduler"];
const outcomes = [
    "success", "partial", "refused", "not_available", "wrong_number", "voicemail", "no_answer", "busy", "canceled",
    "failed", "unknown",
];

export class WallView {
    #client;
    #parts;
    #connection = element("span", { class: "chip dot", role: "status" });
    #calls = new CallList();
    #rows = new WeakMap();
    #visible = new Set();
    #changed = new Set();
    #filter;
    #onFilter;
    #formats;
    #orderChanged = true;
    #cursor = null;
    #page = null;
    #hasPage = false;
    #typing = 0;
    #stream;
    #clock;
    #levels = {};
    #agents = new Set(agents);
    #levelsChanged = false;
    #draw = oncePerFrame(() => this.#show());
    #observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "200px" });

    /**
     * @param {HTMLElement} host
     * @param {{client: import("./client.js").VoiceClient, zone: string, parameters: URLSearchParams,
     *     anonymous: boolean, onFilter: (hash: string) => void}} context
     */
    constructor(host, { client, zone, parameters, anonymous, onFilter }) {
        this.#client = client;
        this.#onFilter = onFilter;
        this.#formats = timeFormats(zone);
        const { node, parts } = fromTemplate("view-calls");
        this.#parts = parts;
        parts.summary.after(this.#connection);
        this.#fillFilters(parameters);
        setText(parts.curl, curl(anonymous));
        host.replaceChildren(node);
        this.#listen();
        this.#stream = new EventStream(client, "/api/voice/events", {
            onEvent: (name, data) => this.#received(name, data),
            onState: (state) => this.#entered(state),
        });
        this.#entered("connecting");
        this.#clock = setInterval(() => this.#tick(), 1000);
        this.#fetch(false);
    }

    close() {
        this.#stream.close();
        this.#observer.disconnect();
        this.#page?.abort();
        clearInterval(this.#clock);
        clearTimeout(this.#typing);
    }

    setTimeZone(zone) {
        this.#formats = timeFormats(zone);
        for (const node of this.#parts.rows.children) {
            const row = this.#rows.get(node);
            row.update(row.call, this.#formats);
        }
    }

    focusSearch() {
        this.#parts.filters.elements.q.focus();
    }

    #fillFilters(parameters) {
        const form = this.#parts.filters.elements;
        for (const [name, values] of Object.entries({ status: statuses, agent: agents, outcome: outcomes })) {
            const wanted = parameters.get(name);
            form[name].append(...values.map((value) => element("option", { value }, title(value))));
            if (name === "agent") this.#offer(wanted);
            form[name].value = wanted ?? "";
        }
        form.q.value = parameters.get("q") ?? "";
        form.inProgress.checked = parameters.get("inProgress") === "true";
        this.#readFilter();
    }

    #readFilter() {
        const form = this.#parts.filters.elements;
        this.#filter = {
            q: form.q.value, status: form.status.value, agent: form.agent.value, outcome: form.outcome.value,
            inProgress: form.inProgress.checked,
        };
        setAttribute(this.#parts.reset, "hidden", !this.#isFiltered);
    }

    /** Deployments have agents of their own. */
    #offer(agent) {
        const { agent: select } = this.#parts.filters.elements;
        if (!agent || this.#agents.has(agent)) return;
        this.#agents.add(agent);
        select.append(element("option", { value: agent }, title(agent)));
    }

    get #isFiltered() {
        return Object.values(this.#filter).some((value) => value !== "" && value !== false);
    }

    #listen() {
        const { filters, more, rows } = this.#parts;
        filters.addEventListener("submit", (event) => event.preventDefault());
        filters.addEventListener("input", (event) => this.#filtered(event.target.name === "q" ? 250 : 0));
        // The fields are empty behind the event only.
        filters.addEventListener("reset", () => setTimeout(() => this.#filtered(0)));
        more.addEventListener("click", () => this.#fetch(true));
        rows.addEventListener("keydown", (event) => this.#moveFocus(event));
    }

    /** What is known is filtered at once, the rest is asked for when the typing pauses. */
    #filtered(wait) {
        this.#readFilter();
        this.#calls.forgetPages();
        this.#redraw();
        const kept = new URLSearchParams(query(this.#filter, null).split("?")[1]);
        kept.delete("limit");
        this.#onFilter(`#/calls${kept.size > 0 ? `?${kept}` : ""}`);
        clearTimeout(this.#typing);
        this.#typing = setTimeout(() => this.#fetch(false), wait);
    }

    async #fetch(isNext) {
        this.#page?.abort();
        const abort = this.#page = new AbortController();
        try {
            const page = await this.#client.get(query(this.#filter, isNext ? this.#cursor : null, 200), abort.signal);
            for (const call of page.calls) this.#putPaged(call, isNext || this.#isFiltered);
            this.#cursor = page.nextCursor;
            this.#hasPage = true;
            this.#notice("");
        } catch (error) {
            if (error.name === "AbortError") return;
            this.#notice(error.message);
        }
        this.#redraw();
    }

    /** What the stream told is newer than a page. */
    #putPaged(call, isPaged) {
        this.#calls.put(this.#calls.get(call.callSid) ?? call, isPaged);
    }

    #notice(text) {
        setAttribute(this.#parts.notice, "hidden", !text);
        setText(this.#parts.notice, text);
    }

    #entered(state) {
        const isLive = state === "live";
        const name = { live: "Live", connecting: "Connecting", history: "Loading", denied: "Not logged in" }[state];
        setText(this.#connection, name ?? "Reconnecting");
        setAttribute(this.#connection, "data-kind", isLive ? "live" : "waiting");
        this.#redraw();
    }

    #received(name, data) {
        if (name === "call") {
            this.#offer(data.agent);
            if (this.#calls.put(data)) this.#orderChanged = true;
            this.#changed.add(data.callSid);
        } else if (name === "levels") {
            this.#levels = data;
            this.#levelsChanged = true;
        } else {
            return;
        }
        this.#draw();
    }

    #redraw() {
        this.#orderChanged = true;
        this.#draw();
    }

    #show() {
        // A change can also bring a call in or out of what is looked for.
        if (this.#orderChanged || (this.#changed.size > 0 && this.#isFiltered)) this.#showAll();
        else if (this.#changed.size > 0) this.#showChanged();
        if (this.#levelsChanged) {
            for (const row of this.#visible) {
                if (row.call.inProgress) row.showLevels(this.#levels[row.call.callSid]);
            }
        }
        this.#orderChanged = false;
        this.#levelsChanged = false;
        this.#changed.clear();
    }

    #showAll() {
        const parts = this.#parts;
        const shown = this.#calls.sorted.filter((call) => matches(call, this.#filter));
        const update = (node, call) => this.#update(node, call);
        syncList(parts.rows, shown, (call) => call.callSid, () => this.#makeRow(), update);
        for (const row of this.#visible) {
            if (!row.node.isConnected) this.#visible.delete(row);
        }
        const isKnown = this.#hasPage && this.#stream.state !== "connecting" && this.#stream.state !== "history";
        const isEmpty = isKnown && this.#calls.size === 0 && !this.#isFiltered;
        setText(parts.summary, summaryOf(this.#calls.inProgress, shown.length));
        setAttribute(parts.empty, "hidden", !isEmpty);
        setAttribute(parts.table, "hidden", shown.length === 0);
        setAttribute(parts.nothing, "hidden", !isKnown || isEmpty || shown.length > 0);
        setAttribute(parts.more, "hidden", !this.#cursor || this.#calls.isFull || isEmpty);
    }

    #showChanged() {
        for (const callSid of this.#changed) {
            const node = listed(this.#parts.rows, callSid);
            if (node) this.#update(node, this.#calls.get(callSid));
        }
    }

    #makeRow() {
        const row = new WallRow();
        this.#rows.set(row.node, row);
        this.#observer.observe(row.node);
        return row.node;
    }

    #update(node, call) {
        const row = this.#rows.get(node);
        row.update(call, this.#formats);
        row.tick(this.#stream?.clockOffset ?? 0);
    }

    #seen(entries) {
        for (const { target, isIntersecting } of entries) {
            const row = this.#rows.get(target);
            if (!isIntersecting || !target.isConnected) {
                this.#visible.delete(row);
                continue;
            }
            this.#visible.add(row);
            row.tick(this.#stream.clockOffset);
            row.showLevels(this.#levels[row.call.callSid]);
        }
    }

    /** Rows that nobody sees have no clock. */
    #tick() {
        if (document.hidden) return;
        for (const row of this.#visible) {
            if (row.call.inProgress) row.tick(this.#stream.clockOffset);
        }
    }

    #moveFocus(event) {
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        const row = event.target.closest('[role="row"]');
        const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
        if (!next) return;
        event.preventDefault();
        next.querySelector("a").focus();
    }
}

function curl(anonymous) {
    const token = anonymous ? "" : '  -H "Authorization: Bearer $VOICE_API_TOKEN" \\\n';
    return `curl -X POST ${location.origin}/api/voice/initiate-call \\\n${token}  -H 'Content-Type: application/json' \\
  -d '{"phoneNumber": "+15551234567", "businessName": "Test Business",
       "userRequest": "Get quote for service", "category": "general"}'`;
}
