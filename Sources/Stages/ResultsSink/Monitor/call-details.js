// What stands beside the conversation of a call: handoffs, tools, moments, and what came of it.

import { element } from "./dom.js";
import { milliseconds, price, title } from "./format.js";

/** A fact in a card: `[name, value]`; without a value it is left out. */
function facts(pairs) {
    const given = pairs.filter(([, value]) => value);
    if (given.length === 0) return null;
    return element("dl", { class: "pairs" }, given.map(([name, value]) => [
        element("dt", {}, name), element("dd", {}, String(value)),
    ]).flat());
}

function card(kind, headline, ...rest) {
    return element("li", { class: "card" },
        element("p", { class: "kind" }, kind), element("p", { class: "headline" }, headline), ...rest);
}

export function quoteCard(quote) {
    return card(
        "Quote", price(quote.price, quote.currency), quote.details ? element("p", {}, quote.details) : null,
        facts([["Available", quote.availability]]),
    );
}

export function appointmentCard(appointment) {
    return card(
        "Appointment", [appointment.date, appointment.time].filter(Boolean).join(", "),
        facts([
            ["Time zone", appointment.timeZone], ["As said", appointment.asSaid],
            ["Confirmation", appointment.confirmationNumber], ["Notes", appointment.notes],
        ]),
    );
}

export function orderCard(order) {
    const items = order.items ?? [];
    return card(
        "Order", price(order.totalPrice, order.currency) || "Total not said",
        element("ul", { class: "items" }, items.map((item) => element("li", {},
            `${item.quantity} × ${item.name}`,
            item.customizations?.length ? ` (${item.customizations.join(", ")})` : "",
        ))),
        facts([
            ["Confirmation", order.confirmationNumber], ["Ready", order.estimatedTime], ["Delivery", order.delivery],
        ]),
    );
}

export function offerCard(offer) {
    return card(
        "Special offer", offer.discount || "Offer", element("p", {}, offer.description ?? ""),
        facts([["Valid until", offer.validUntil || offer.validUntilDate], ["Conditions", offer.conditions]]),
    );
}

export function comparisonCard(comparison) {
    const ranking = comparison.ranking ?? [];
    const best = ranking.find((quote) => quote.quoteId === comparison.bestQuoteId);
    const nameOf = (quote) => quote.businessName || "a quote given with the request";
    const rows = ranking.map((quote) => element(
        "tr", { class: quote === best ? "best" : null },
        element("td", { class: "number" }, quote.rank),
        element("td", {}, nameOf(quote),
            quote.reasons?.length ? element("div", { class: "note" }, quote.reasons.join("; ")) : null),
        element("td", { class: "number price" }, price(quote.price, quote.currency)),
    ));
    return card(
        "Comparison", best ? `Best: ${nameOf(best)}` : "None can be recommended",
        element("p", {}, comparison.summary ?? ""),
        facts([["Criteria", comparison.criteria]]),
        element("table", {},
            element("caption", { class: "unseen" }, "Quotes, the best first"),
            element("thead", {}, element("tr", {},
                element("th", { scope: "col", class: "number" }, "#"), element("th", { scope: "col" }, "Business"),
                element("th", { scope: "col", class: "number" }, "Price"))),
            element("tbody", {}, rows)),
    );
}

export function handoffEntry(handoff, formats) {
    return element("li", {},
        element("time", { datetime: handoff.timestamp }, formats.clock(handoff.timestamp)),
        element("p", { class: "route" }, `${title(handoff.fromAgent)} → ${title(handoff.toAgent)}`),
        handoff.reason ? element("p", {}, handoff.reason) : null,
        handoff.context ? element("p", { class: "note" }, handoff.context) : null,
    );
}

export function toolEntry(tool) {
    const ended = tool.succeeded ? ["good", "Succeeded"] : ["bad", "Failed"];
    const [kind, state] = tool.completed ? ended : ["waiting", "Running"];
    const given = typeof tool.arguments === "string" ? tool.arguments : JSON.stringify(tool.arguments ?? {}, null, 1);
    return element("li", {},
        element("details", {},
            element("summary", {},
                element("code", {}, tool.name), " ", element("span", { class: "chip", "data-kind": kind }, state)),
            element("p", { class: "note" }, "Asked with"), element("pre", { tabindex: "0" }, given),
            tool.output ? element("p", { class: "note" }, "Answered") : null,
            tool.output ? element("pre", { tabindex: "0" }, text(tool.output)) : null,
        ));
}

function text(output) {
    return typeof output === "string" ? output : JSON.stringify(output, null, 1);
}

export function momentEntry(moment, formats) {
    const detail = typeof moment.detail === "string" ? moment.detail : JSON.stringify(moment.detail ?? "");
    return element("li", {},
        element("time", { datetime: moment.at }, formats.clock(moment.at)),
        element("span", { class: "moment" }, title(moment.kind)), " ", element("span", { class: "note" }, detail),
    );
}

/** The table behind the chart of latencies. */
export function latencyTable(turns) {
    const row = (turn, index) => element("tr", {},
        element("td", { class: "number" }, index + 1),
        element("td", { class: "number" }, milliseconds(turn.firstAudioMs || null)),
        element("td", { class: "number" }, milliseconds(turn.firstPlayedMs || null)));
    return element("table", {},
        element("caption", {}, "From the end of the person's speech"),
        element("thead", {}, element("tr", {}, ["Turn", "First audio", "First played"].map((name) =>
            element("th", { scope: "col", class: "number" }, name)))),
        element("tbody", {}, turns.map(row)));
}
