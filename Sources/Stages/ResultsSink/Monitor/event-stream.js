// Server-sent events over fetch, since EventSource can send no Authorization header. Goes on where it was when the
// connection is lost.

/** The server writes a comment every 15 s; after this long without a byte the connection is taken to be dead. */
const silenceLimit = 40_000;
const longestWait = 10_000;

/** Takes text as it arrives and yields whole events, as the HTML standard's section on server-sent events has it. */
export class EventParser {
    #rest = "";
    #name = "";
    #data = [];
    #id = "";
    /** Of the last whole event that had one. */
    lastEventID = "";

    /** @returns {{name: string, data: string}[]} the events that `text` completes. */
    take(text) {
        const events = [];
        const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
        this.#rest = lines.pop();
        for (const line of lines) {
            if (line !== "") {
                this.#field(line);
                continue;
            }
            if (this.#data.length > 0) events.push({ name: this.#name || "message", data: this.#data.join("\n") });
            this.lastEventID = this.#id;
            this.#name = "";
            this.#data = [];
        }
        return events;
    }

    #field(line) {
        const colon = line.indexOf(":");
        if (colon === 0) return;
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") this.#name = value;
        else if (field === "data") this.#data.push(value);
        else if (field === "id") this.#id = value;
    }
}

/**
 * One stream, opened again until it is closed.
 *
 * States: `connecting`, `history` (connected, the past is being sent), `live`, `waiting` (until the next attempt),
 * `missing` (404: not known yet, is tried again), `denied` (401 or 403: given up), `closed`.
 */
export class EventStream {
    #client;
    #path;
    #onEvent;
    #onState;
    #parser = new EventParser();
    #abort = null;
    #timer = 0;
    #attempts = 0;
    #isClosed = false;
    #lastEventID = "";
    state = "connecting";
    /** How far the server's clock is ahead of this machine's, milliseconds; 0 when it is not clearly different. */
    clockOffset = 0;

    /**
     * @param {import("./client.js").VoiceClient} client
     * @param {string} path such as `/api/voice/events`.
     * @param {{onEvent: (name: string, data: any) => void, onState: (state: string) => void}} observer
     */
    constructor(client, path, { onEvent, onState }) {
        this.#client = client;
        this.#path = path;
        this.#onEvent = onEvent;
        this.#onState = onState;
        this.#run();
    }

    close() {
        this.#isClosed = true;
        clearTimeout(this.#timer);
        this.#abort?.abort();
        this.#enter("closed");
    }

    #enter(state) {
        if (this.state === state) return;
        this.state = state;
        this.#onState(state);
    }

    async #run() {
        while (!this.#isClosed) {
            let state = "waiting";
            try {
                state = await this.#connection();
            } catch {
                // Refused or lost: tried again below.
            }
            if (this.#isClosed) return;
            this.#enter(state);
            if (state === "denied") return;
            await this.#pause();
            if (!this.#isClosed && this.state === "waiting") this.#enter("connecting");
        }
    }

    /** Doubling from 250 ms on, with jitter, so that not all pages come back at once. */
    #pause() {
        const wait = Math.min(longestWait, 250 * 2 ** this.#attempts++);
        return new Promise((resolve) => {
            this.#timer = setTimeout(resolve, wait * (0.5 + Math.random() / 2));
            if (this.#isClosed) resolve();
        });
    }

    /** @returns {Promise<string>} the state in which it leaves the stream. */
    async #connection() {
        const abort = new AbortController();
        this.#abort = abort;
        const headers = { Accept: "text/event-stream" };
        if (this.#lastEventID) headers["Last-Event-ID"] = this.#lastEventID;
        let watchdog = setTimeout(() => abort.abort(), silenceLimit);
        try {
            const response = await this.#client.fetch(this.#path, { headers, signal: abort.signal, cache: "no-store" });
            if (response.status === 401 || response.status === 403) return "denied";
            if (response.status === 404) return "missing";
            if (!response.ok || !response.body) return "waiting";
            this.#compareClocks(response.headers.get("Date"));
            this.#enter("history");
            this.#parser = new EventParser();
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            for (;;) {
                const { value, done } = await reader.read();
                if (done) return "waiting";
                clearTimeout(watchdog);
                watchdog = setTimeout(() => abort.abort(), silenceLimit);
                this.#take(value);
            }
        } finally {
            clearTimeout(watchdog);
            abort.abort();
        }
    }

    /** The header has whole seconds, and the answer took a moment. */
    #compareClocks(date) {
        const offset = Date.parse(date ?? "") - Date.now();
        this.clockOffset = Math.abs(offset) > 3000 ? offset : 0;
    }

    #take(text) {
        for (const { name, data } of this.#parser.take(text)) {
            if (this.#isClosed) return;
            if (name === "ready") {
                this.#attempts = 0;
                this.#enter("live");
                continue;
            }
            try {
                this.#onEvent(name, JSON.parse(data));
            } catch (error) {
                console.warn(`An event “${name}” could not be used.`, error);
            }
        }
        this.#lastEventID = this.#parser.lastEventID || this.#lastEventID;
    }
}
