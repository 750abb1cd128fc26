// How calls went: figures, charts, and the tables behind them.

import { bars, columns, flows } from "./charts.js";
import { element, setAttribute, setText } from "./dom.js";
import { count, dollars, duration, milliseconds, outcomeKind, percent, title } from "./format.js";
import { fromTemplate } from "./template.js";

export class StatisticsView {
    #client;
    #parts;
    #abort = null;

    /** @param {{client: import("./client.js").VoiceClient}} context */
    constructor(host, { client }) {
        this.#client = client;
        const { node, parts } = fromTemplate("view-statistics");
        this.#parts = parts;
        parts.range.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#load();
        });
        parts.range.addEventListener("change", () => this.#load());
        host.replaceChildren(node);
        this.#load();
    }

    close() {
        this.#abort?.abort();
    }

    async #load() {
        this.#abort?.abort();
        const abort = this.#abort = new AbortController();
        const { figures, notice, range } = this.#parts;
        setAttribute(figures, "aria-busy", "true");
        const from = new Date(Date.now() - Number(range.elements.days.value) * 86_400_000).toISOString();
        let text = "";
        try {
            const path = `/api/voice/stats?from=${encodeURIComponent(from)}`;
            const statistics = await this.#client.get(path, abort.signal);
            figures.replaceChildren(...(statistics.calls > 0 ? contents(statistics) : [nothing()]));
        } catch (error) {
            if (error.name === "AbortError") return;
            text = error.message;
        }
        setText(notice, text);
        setAttribute(notice, "hidden", !text);
        setAttribute(figures, "aria-busy", "false");
    }
}

function nothing() {
    return element("p", { class: "panel" }, "No call began in these days. Figures appear here with the first one.");
}

function contents(statistics) {
    const wait = statistics.firstAudioMs ?? {};
    const tiles = [
        ["Calls", String(statistics.calls), statistics.inProgress ? `${statistics.inProgress} in progress` : ""],
        ["Success", percent(statistics.successRate)],
        ["Average duration", duration(statistics.averageDurationSeconds)],
        ["Median duration", duration(statistics.medianDurationSeconds)],
        ["Cost", dollars(statistics.totalCost)], ["Cost per call", dollars(statistics.averageCost)],
        ["Median wait", milliseconds(wait.p50), `95 of 100: ${milliseconds(wait.p95)}`],
    ];
    return [
        element("dl", { class: "tiles" }, tiles.map(([name, value, note]) =>
            element("div", { class: "panel" }, element("dt", {}, name),
                element("dd", {}, value, note ? element("small", {}, note) : null)))),
        element("div", { class: "charts" },
            outcomes(statistics), byAgent(statistics), byTool(statistics), handoffs(statistics), ...byDay(statistics)),
    ];
}

/**
 * A chart with its table.
 * @param {string[]} head the first is a name, the others are numbers.
 */
function panel(heading, drawing, head, rows, legend = null) {
    const table = element("table", {},
        element("caption", { class: "unseen" }, heading),
        element("thead", {}, element("tr", {}, head.map((name, index) =>
            element("th", { scope: "col", class: index > 0 ? "number" : null }, name)))),
        element("tbody", {}, rows.map((row) => element("tr", {}, row.map((value, index) => index === 0
            ? element("th", { scope: "row" }, value) : element("td", { class: "number" }, String(value)))))));
    return element("section", { class: "panel", "aria-label": heading },
        element("h2", {}, heading), legend,
        rows.length > 0 ? drawing : element("p", { class: "hint" }, "None in these days."),
        rows.length > 0 ? element("details", {}, element("summary", {}, "As a table"), table) : null);
}

function legend(entries) {
    return element("p", { class: "legend" }, entries.map(([kind, name]) => element("span", { class: kind }, name)));
}

/** Of the calls that ended. */
function outcomes({ outcomes, calls, inProgress }) {
    const ended = calls - (inProgress ?? 0);
    const entries = Object.entries(outcomes ?? {}).sort((one, other) => other[1] - one[1]);
    const rows = entries.map(([outcome, number]) => ({
        label: title(outcome) || "Not known yet", text: `${number} (${percent(number / ended)})`,
        parts: [{ value: number, kind: outcomeKind(outcome) }],
    }));
    const name = `Outcomes: ${rows.map((row) => `${row.label} ${row.text}`).join(", ")}`;
    return panel("Outcomes", bars(name, rows), ["Outcome", "Calls", "Share"],
        entries.map(([outcome, number]) => [title(outcome) || "Not known yet", number, percent(number / ended)]));
}

function byAgent({ byAgent }) {
    const rows = (byAgent ?? []).map((agent) => ({
        label: title(agent.agent), text: `${percent(agent.successRate)} of ${agent.calls}`,
        parts: [{ value: agent.succeeded, kind: "good" }, { value: agent.calls - agent.succeeded, kind: "done" }],
    }));
    return panel("Success by agent", bars(`Success by agent: ${named(rows)}`, rows),
        ["Agent", "Calls", "Succeeded", "Success", "Handoffs in", "Handoffs out"],
        (byAgent ?? []).map((agent) => [
            title(agent.agent), agent.calls, agent.succeeded, percent(agent.successRate), agent.handoffsIn,
            agent.handoffsOut,
        ]), legend([["good", "Succeeded"], ["done", "Others"]]));
}

function byTool({ byTool }) {
    const rows = (byTool ?? []).map((tool) => ({
        label: tool.name, text: `${percent(tool.successRate)} of ${tool.calls}`,
        parts: [
            { value: tool.succeeded, kind: "good" }, { value: tool.failed, kind: "bad" },
        ],
    }));
    return panel("Success by tool", bars(`Success by tool: ${named(rows)}`, rows),
        ["Tool", "Calls", "Succeeded", "Failed", "Success"],
        (byTool ?? []).map((tool) => [tool.name, tool.calls, tool.succeeded, tool.failed, percent(tool.successRate)]),
        legend([["good", "Succeeded"], ["bad", "Failed"]]));
}

function named(rows) {
    return rows.map((row) => `${row.label} ${row.text}`).join(", ");
}

function handoffs({ handoffs }) {
    const all = (handoffs ?? []).map((flow) => ({
        from: title(flow.fromAgent), to: title(flow.toAgent), count: flow.count,
    }));
    const name = `Handoffs: ${all.map((flow) => `${flow.from} to ${flow.to} ${flow.count}`).join(", ")}`;
    return panel("Handoffs", flows(name, all), ["From", "To", "Handoffs"],
        all.map((flow) => [flow.from, flow.to, flow.count]));
}

/** Days without a call are not told, and stand in the charts all the same. */
function allDays(told) {
    const byName = new Map(told.map((day) => [day.day, day]));
    const days = [];
    const nothing = { calls: 0, succeeded: 0, quotes: 0, averageDurationSeconds: null, cost: "0" };
    const last = Date.parse(told.at(-1)?.day);
    for (let at = Date.parse(told[0]?.day); at <= last; at += 86_400_000) {
        const day = new Date(at).toISOString().slice(0, 10);
        days.push(byName.get(day) ?? { day, ...nothing });
    }
    return days;
}

/** Days are UTC's. */
function byDay({ byDay }) {
    const days = allDays(byDay ?? []);
    const rows = days.map((day) => [
        day.day, day.calls, day.succeeded, day.quotes, duration(day.averageDurationSeconds), dollars(day.cost),
    ]);
    const head = ["Day (UTC)", "Calls", "Succeeded", "Quotes", "Average duration", "Cost"];
    const drawn = (heading, parts, written, key) => {
        const drawing = columns(`${heading}, ${count(days.length, "day")}`, days.map((day) => {
            const sum = parts(day).reduce((sum, part) => sum + part.value, 0);
            return { label: day.day, title: `${day.day}: ${written(sum)}`, parts: parts(day) };
        }), written);
        return panel(heading, drawing, head, rows, key);
    };
    const seconds = (day) => [{ value: day.averageDurationSeconds ?? 0, kind: "one" }];
    return [
        drawn("Calls by day", (day) => [
            { value: day.succeeded, kind: "good" }, { value: day.calls - day.succeeded, kind: "done" },
        ], (value) => count(value, "call"), legend([["good", "Succeeded"], ["done", "Others"]])),
        drawn("Average duration by day", seconds, duration, null),
        drawn("Cost by day", (day) => [{ value: Number(day.cost) || 0, kind: "one" }], dollars, null),
    ];
}
