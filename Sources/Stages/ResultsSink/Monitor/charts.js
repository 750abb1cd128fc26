// Charts as SVG, drawn at the width they have; each has a name, and its figures stand in a table beside it.

import { element, svg } from "./dom.js";

/**
 * A place for a chart, drawn again when its width changes.
 * @param {string} name what a screen reader is told, with the main figures.
 * @param {(width: number) => {height: number, marks: SVGElement[]}} draw
 */
export function chart(name, draw) {
    const host = element("div", { class: "chart-host" });
    let drawnWidth = 0;
    new ResizeObserver(([entry]) => {
        const width = Math.round(entry.contentRect.width);
        if (width < 40 || width === drawnWidth) return;
        drawnWidth = width;
        const { height, marks } = draw(width);
        host.replaceChildren(svg("svg", {
            class: "chart", role: "img", "aria-label": name, viewBox: `0 0 ${width} ${height}`, width, height,
        }, marks));
    }).observe(host);
    return host;
}

/**
 * Bars to the right, one below the other.
 * @param {{label: string, parts: {value: number, kind: string, title?: string}[], text: string}[]} rows parts are
 *     stacked; `text` stands behind the bar.
 */
export function bars(name, rows) {
    return chart(name, (width) => {
        const labelWidth = Math.min(190, width * 0.4);
        const textWidth = 104;
        const room = Math.max(20, width - labelWidth - textWidth);
        const largest = Math.max(1, ...rows.map((row) => sum(row.parts)));
        const marks = rows.flatMap((row, index) => {
            const top = index * 28;
            let left = labelWidth;
            const parts = row.parts.filter((part) => part.value > 0).map((part) => {
                const length = Math.max(2, part.value / largest * room);
                const mark = svg("rect", { class: part.kind, x: left, y: top + 6, width: length, height: 14, rx: 2 },
                    svg("title", {}, part.title ?? `${row.label}: ${part.value}`));
                left += length;
                return mark;
            });
            return [
                svg("text", { class: "label", x: 0, y: top + 17 }, shortened(row.label, labelWidth)),
                svg("rect", { class: "track", x: labelWidth, y: top + 6, width: room, height: 14, rx: 2 }),
                ...parts,
                svg("text", { x: width, y: top + 17, "text-anchor": "end" }, row.text),
            ];
        });
        return { height: Math.max(28, rows.length * 28), marks };
    });
}

/**
 * Columns side by side with an axis; the first part of each is at the bottom.
 * @param {{label: string, parts: {value: number, kind: string}[], title: string}[]} columns
 * @param {(value: number) => string} written the axis' largest value.
 */
export function columns(name, columns, written, height = 150) {
    return chart(name, (width) => {
        const bottom = height - 18;
        const largest = Math.max(...columns.map((column) => sum(column.parts)), 0) || 1;
        const step = width / Math.max(columns.length, 1);
        const thickness = Math.max(1, Math.min(28, step * 0.7));
        const marks = [
            svg("line", { class: "axis", x1: 0, x2: width, y1: 16, y2: 16 }),
            svg("line", { class: "axis", x1: 0, x2: width, y1: bottom, y2: bottom }),
            svg("text", { x: 0, y: 11 }, written(largest)),
        ];
        columns.forEach((column, index) => {
            let base = bottom;
            const left = index * step + (step - thickness) / 2;
            for (const part of column.parts.filter((part) => part.value > 0)) {
                const size = Math.max(1, part.value / largest * (bottom - 16));
                base -= size;
                marks.push(svg("rect", { class: part.kind, x: left, y: base, width: thickness, height: size, rx: 1 },
                    svg("title", {}, column.title)));
            }
        });
        const first = columns[0]?.label ?? "";
        const last = columns.at(-1)?.label ?? "";
        marks.push(svg("text", { x: 0, y: height - 4 }, first));
        if (columns.length > 1) marks.push(svg("text", { x: width, y: height - 4, "text-anchor": "end" }, last));
        return { height, marks };
    });
}

/**
 * How long the person waited in each turn: until the first audio came, and until it was played.
 * @param {{firstAudioMs: number, firstPlayedMs: number}[]} turns the newest 40 are drawn.
 */
export function latency(name, turns, written) {
    const shown = turns.slice(-40);
    const first = turns.length - shown.length;
    return columns(name, shown.map(({ firstAudioMs, firstPlayedMs }, index) => {
        const label = `Turn ${first + index + 1}`;
        return {
            label,
            title: `${label}: first audio ${written(firstAudioMs)}, played ${written(firstPlayedMs)}`,
            parts: [
                { value: firstAudioMs, kind: "one" },
                { value: Math.max(0, (firstPlayedMs || 0) - firstAudioMs), kind: "two" },
            ],
        };
    }), written, 110);
}

/**
 * From whom on the left to whom on the right, the line as thick as often it happened.
 * @param {{from: string, to: string, count: number}[]} flows
 */
export function flows(name, flows) {
    return chart(name, (width) => {
        const lefts = [...new Set(flows.map((flow) => flow.from))];
        const rights = [...new Set(flows.map((flow) => flow.to))];
        const labelWidth = Math.min(180, width * 0.36);
        const largest = Math.max(1, ...flows.map((flow) => flow.count));
        const y = (index) => index * 44 + 22;
        const x1 = labelWidth;
        const x2 = width - labelWidth;
        const marks = flows.map((flow) => {
            const from = y(lefts.indexOf(flow.from));
            const to = y(rights.indexOf(flow.to));
            const middle = (x1 + x2) / 2;
            return svg("path", {
                class: "flow", d: `M ${x1} ${from} C ${middle} ${from}, ${middle} ${to}, ${x2} ${to}`,
                "stroke-width": Math.max(2, flow.count / largest * 22),
            }, svg("title", {}, `${flow.from} → ${flow.to}: ${flow.count}`));
        });
        lefts.forEach((label, index) => marks.push(svg("text", {
            class: "label", x: x1 - 8, y: y(index) + 4, "text-anchor": "end",
        }, shortened(label, labelWidth - 8))));
        rights.forEach((label, index) => marks.push(svg("text", {
            class: "label", x: x2 + 8, y: y(index) + 4,
        }, shortened(label, labelWidth - 8))));
        return { height: Math.max(lefts.length, rights.length) * 44, marks };
    });
}

function sum(parts) {
    return parts.reduce((total, part) => total + part.value, 0);
}

/** A label cut to about so many pixels; all of it stands in the table. */
function shortened(label, width) {
    const most = Math.max(4, Math.floor(width / 6.4));
    return label.length > most ? `${label.slice(0, most - 1)}…` : label;
}
