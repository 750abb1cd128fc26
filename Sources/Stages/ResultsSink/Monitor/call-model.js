// What the page knows of one call: a fold over its events. An event may come twice, and an item again, changed; so all
// is kept by the ids inside.

const idOf = {
    utterance: "itemId", tool: "toolCallId", handoff: "position", turn: "responseId", moment: "id",
    quote: "quoteId", appointment: "appointmentId", order: "orderId", offer: "offerId", comparison: "comparisonId",
};

const entries = new WeakMap();

/** The same object as long as the item is the same. */
function entry(kind, id, item) {
    if (!entries.has(item)) entries.set(item, { kind, key: `${kind}/${id}`, item });
    return entries.get(item);
}

/** Who hands over is told by the handoff that came of it. */
function isShown(tool) {
    return !(tool.name.startsWith("transfer_to_") && tool.completed && tool.succeeded);
}

export class CallModel {
    /** The summary; null until it came. */
    call = null;
    /** By kind of event, items by their id, in the order in which they first came. */
    items = Object.fromEntries(Object.keys(idOf).map((kind) => [kind, new Map()]));
    /** What is being said, by item: `{itemId, speaker, text}`. */
    partials = new Map();
    /** dBFS; null until some came, and when the call is over. */
    levels = null;

    /**
     * @param {string} name of the event.
     * @returns {string} what has changed: a key of `items`, `call`, `partials` or `levels`; empty for nothing.
     */
    apply(name, data) {
        if (name === "call") return this.#summary(data);
        if (name === "levels") return this.#levels(data);
        if (name === "partial") return this.#partial(data);
        const key = idOf[name];
        if (!key) return "";
        this.items[name].set(data[key], data);
        if (name === "utterance") this.partials.delete(data.itemId);
        return name;
    }

    list(kind) {
        return [...this.items[kind].values()];
    }

    /** What was said and done, in the order of the conversation: `{kind, key, item}`. */
    get conversation() {
        const placed = [
            ...this.list("utterance").map((item) => entry("utterance", item.itemId, item)),
            ...this.list("tool").filter(isShown).map((item) => entry("tool", item.toolCallId, item)),
        ].sort((one, other) => one.item.position - other.item.position);
        // Handoffs are numbered apart; they stand where their time is.
        for (const item of this.list("handoff")) {
            const at = Date.parse(item.timestamp);
            const index = placed.findLastIndex((other) => Date.parse(other.item.at ?? other.item.startedAt) <= at);
            placed.splice(index + 1, 0, entry("handoff", item.position, item));
        }
        return placed;
    }

    #summary(call) {
        this.call = call;
        if (!call.inProgress) {
            this.partials.clear();
            this.levels = null;
        }
        return "call";
    }

    #levels(levels) {
        if (this.call && !this.call.inProgress) return "";
        this.levels = levels;
        return "levels";
    }

    #partial(partial) {
        const isSaid = this.items.utterance.has(partial.itemId);
        if (isSaid || !partial.text || (this.call && !this.call.inProgress)) return "";
        this.partials.set(partial.itemId, partial);
        // Whoever has stopped speaking without an utterance is not kept for ever.
        if (this.partials.size > 4) this.partials.delete(this.partials.keys().next().value);
        return "partials";
    }
}
