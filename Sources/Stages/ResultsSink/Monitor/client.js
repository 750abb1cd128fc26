// Requests to the voice API: with a bearer token, or on the page's own origin with its cookie.

/** An answer that is not a success: problem+json (RFC 9457), or the network's failure with status 0. */
export class Problem extends Error {
    /**
     * @param {number} status
     * @param {{title?: string, detail?: string, errors?: {field: string, detail: string}[]}} document
     */
    constructor(status, document = {}) {
        super(document.detail || document.title || `The server answered with status ${status}.`);
        this.status = status;
        /** What is wrong with each field. */
        this.errors = Array.isArray(document.errors) ? document.errors : [];
    }
}

export class VoiceClient {
    /**
     * @param {string} base the origin of LifeHub Voice.
     * @param {string} token a bearer token; empty: the cookie is used.
     */
    constructor(base, token = "") {
        this.base = base;
        this.token = token;
        /** Told of every 401. */
        this.onDenied = () => {};
    }

    async fetch(path, options = {}) {
        const headers = { ...options.headers };
        if (this.token) headers.Authorization = `Bearer ${this.token}`;
        const credentials = this.token ? "omit" : "same-origin";
        const response = await fetch(new URL(path, this.base), { ...options, headers, credentials });
        if (response.status === 401) this.onDenied();
        return response;
    }

    /** @throws {Problem} */
    async get(path, signal) {
        return this.#json(path, { headers: { Accept: "application/json" }, signal });
    }

    /**
     * @param {object} headers further ones.
     * @throws {Problem}
     */
    async post(path, body, headers = {}) {
        return this.#json(path, {
            method: "POST",
            headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
            body: JSON.stringify(body),
        });
    }

    async #json(path, options) {
        let response;
        try {
            response = await this.fetch(path, options);
        } catch (error) {
            if (error.name === "AbortError") throw error;
            throw new Problem(0, { detail: "LifeHub Voice cannot be reached at the moment." });
        }
        const text = await response.text();
        let document = null;
        try {
            document = text ? JSON.parse(text) : null;
        } catch {
            // A proxy's page, perhaps: the status says enough.
        }
        if (!response.ok) throw new Problem(response.status, document ?? {});
        return document;
    }
}
