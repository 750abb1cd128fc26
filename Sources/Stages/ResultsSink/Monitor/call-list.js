// Which calls the wall knows and shows. Those in progress come first, then the newest.

/** Ended calls that came by themselves; older ones are forgotten. */
const keptEnded = 200;
/** With those that were asked for page by page. */
const keptAtMost = 1000;

export class CallList {
    /** Summaries by callSid. */
    #calls = new Map();
    /** callSids of older pages, which are kept until the filter changes. */
    #paged = new Set();
    #sorted = null;

    get(callSid) {
        return this.#calls.get(callSid);
    }

    get size() {
        return this.#calls.size;
    }

    get isFull() {
        return this.#calls.size >= keptAtMost;
    }

    get inProgress() {
        return [...this.#calls.values()].filter((call) => call.inProgress).length;
    }

    /** @returns {boolean} whether other calls are shown, or in another order. */
    put(call, isPaged = false) {
        const before = this.#calls.get(call.callSid);
        this.#calls.set(call.callSid, call);
        if (isPaged) this.#paged.add(call.callSid);
        const isSame = before && before.inProgress === call.inProgress && before.startedAt === call.startedAt;
        if (!isSame) this.#sorted = null;
        // A page that nobody looks at does not draw, and so does not ask for the calls in their order.
        if (this.#calls.size > 2 * keptAtMost) this.#trim();
        return !isSame;
    }

    forgetPages() {
        this.#paged.clear();
        this.#trim();
    }

    /** The calls in their order. */
    get sorted() {
        if (!this.#sorted) {
            this.#trim();
            this.#sorted = [...this.#calls.values()].sort(order).map((call) => call.callSid);
        }
        return this.#sorted.map((callSid) => this.#calls.get(callSid));
    }

    #trim() {
        const loose = [...this.#calls.values()]
            .filter((call) => !call.inProgress && !this.#paged.has(call.callSid)).sort(order);
        for (const call of loose.slice(keptEnded)) this.#calls.delete(call.callSid);
        this.#sorted = null;
    }
}

function order(one, other) {
    if (one.inProgress !== other.inProgress) return one.inProgress ? -1 : 1;
    return (other.startedAt ?? "").localeCompare(one.startedAt ?? "") || one.callSid.localeCompare(other.callSid);
}

/**
 * What somebody looks for.
 * @typedef {{q: string, status: string, agent: string, outcome: string, inProgress: boolean}} Filter
 */

/** Whether the call is one of those that `filter` asks for; the server decides in the same way. */
export function matches(call, filter) {
    if (filter.inProgress && !call.inProgress) return false;
    for (const key of ["status", "agent", "outcome"]) {
        if (filter[key] && call[key] !== filter[key]) return false;
    }
    const text = filter.q.trim().toLowerCase();
    return !text || `${call.businessName}\n${call.userRequest}`.toLowerCase().includes(text);
}

/** The query of `GET /api/voice/calls`. */
export function query(filter, cursor, limit = 100) {
    const parameters = new URLSearchParams({ limit: String(limit) });
    for (const key of ["q", "status", "agent", "outcome"]) {
        if (filter[key].trim()) parameters.set(key, filter[key].trim());
    }
    if (filter.inProgress) parameters.set("inProgress", "true");
    if (cursor) parameters.set("cursor", cursor);
    return `/api/voice/calls?${parameters}`;
}
