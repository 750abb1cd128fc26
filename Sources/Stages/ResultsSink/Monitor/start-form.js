// Starts calls: the fields of POST /api/voice/initiate-call, and what is wrong with them beside them.

import { element, setAttribute, setText } from "./dom.js";
import { fromTemplate } from "./template.js";

const mostBusinesses = 10;

export class StartView {
    #client;
    #navigate;
    #form;
    #parts;
    #fieldNumber = 0;
    /** What was sent last and not settled by an answer: the same again has the same key, so nobody is dialled twice. */
    #sent = { text: "", key: "" };

    /** @param {{client: import("./client.js").VoiceClient, navigate: (hash: string) => void}} context */
    constructor(host, { client, navigate }) {
        this.#client = client;
        this.#navigate = navigate;
        const { node, parts } = fromTemplate("view-start");
        this.#parts = parts;
        this.#form = node.querySelector("form");
        this.#form.addEventListener("submit", (event) => this.#submit(event));
        parts.add.addEventListener("click", () => this.#add().querySelector("input").focus());
        for (const input of this.#form.querySelectorAll(".field [name]")) addError(input);
        host.replaceChildren(node);
        this.#add();
    }

    close() {}

    #add() {
        const { node } = fromTemplate("business");
        const fieldset = node.querySelector("fieldset");
        for (const input of fieldset.querySelectorAll("[name]")) {
            input.id = `business-field-${this.#fieldNumber++}`;
            input.closest(".field").querySelector("label").htmlFor = input.id;
            addError(input);
        }
        fieldset.querySelector("[data-part=remove]").addEventListener("click", () => {
            fieldset.remove();
            this.#number();
            this.#parts.add.focus();
        });
        this.#parts.businesses.append(fieldset);
        this.#number();
        return fieldset;
    }

    get #fieldsets() {
        return [...this.#parts.businesses.children];
    }

    #number() {
        const all = this.#fieldsets;
        all.forEach((fieldset, index) => {
            setText(fieldset.querySelector("legend"), all.length > 1 ? `Business ${index + 1}` : "Business");
            setAttribute(fieldset.querySelector("[data-part=remove]"), "hidden", all.length === 1);
            setAttribute(fieldset.querySelector("details"), "hidden", all.length === 1);
        });
        setAttribute(this.#parts.add, "hidden", all.length >= mostBusinesses);
    }

    async #submit(event) {
        event.preventDefault();
        const button = this.#form.querySelector("button.primary");
        if (button.disabled) return;
        this.#clearProblems();
        const { body, problems } = this.#body();
        if (problems.length > 0) return this.#showProblems("Nobody was called.", problems);
        const text = JSON.stringify(body);
        if (this.#sent.text !== text) this.#sent = { text, key: randomKey() };
        button.disabled = true;
        try {
            const headers = { "Idempotency-Key": this.#sent.key };
            const answer = await this.#client.post("/api/voice/initiate-call", body, headers);
            this.#sent = { text: "", key: "" };
            this.#started(answer);
        } catch (error) {
            // Only an answer that may have come after the call was made keeps its key.
            if (error.status >= 400 && error.status < 500 && error.status !== 409) this.#sent = { text: "", key: "" };
            this.#showProblems(error.message, error.errors ?? []);
        } finally {
            button.disabled = false;
        }
    }

    /** What is sent: fields that are left empty are left out. */
    #body() {
        const problems = [];
        const shared = this.#read(this.#form.querySelectorAll(":scope > * [name]"), "", problems, (input) =>
            !input.closest("fieldset"));
        const businesses = this.#fieldsets.map((fieldset, index) => {
            const path = this.#fieldsets.length > 1 ? `businesses[${index}].` : "";
            return this.#read(fieldset.querySelectorAll("[name]"), path, problems, () => true);
        });
        if (businesses.length > 1) return { body: { ...shared, businesses }, problems };
        const { phoneNumber, businessName } = businesses[0];
        return { body: { ...shared, phoneNumber, businessName }, problems };
    }

    #read(inputs, path, problems, isWanted) {
        const values = {};
        for (const input of inputs) {
            const text = input.value.trim();
            if (!isWanted(input) || !text) continue;
            if (input.name !== "userData" && input.name !== "quotes") {
                values[input.name] = text;
                continue;
            }
            try {
                values[input.name] = JSON.parse(text);
            } catch {
                problems.push({ field: path + input.name, detail: "must be JSON" });
            }
        }
        return values;
    }

    #clearProblems() {
        setAttribute(this.#parts.notice, "hidden", true);
        this.#parts.started.replaceChildren();
        for (const input of this.#form.querySelectorAll("[aria-invalid]")) setProblem(input, "");
    }

    /** Each beside its field, and all that have none above; the first field that is wrong gets the focus. */
    #showProblems(text, errors) {
        const homeless = [];
        let first = null;
        for (const { field, detail } of errors) {
            const input = this.#input(String(field));
            if (!input) {
                homeless.push(`${field} ${detail}`);
                continue;
            }
            for (let details = input.closest("details"); details; details = null) details.open = true;
            setProblem(input, String(detail));
            first ??= input;
        }
        const isSaidBeside = first !== null && homeless.length === 0;
        const whole = isSaidBeside ? "Nobody was called: see the fields below." : [text, ...homeless].join(" ");
        setText(this.#parts.notice, whole);
        setAttribute(this.#parts.notice, "hidden", false);
        first?.focus();
    }

    /** `businesses[1].phoneNumber`, `userRequest`, `quotes[0]`. */
    #input(field) {
        const [, index, name] = /^(?:businesses\[(\d+)\]\.)?(\w+)/.exec(field) ?? [];
        if (!name) return null;
        const named = `[name="${CSS.escape(name)}"]`;
        if (index !== undefined) return this.#fieldsets[Number(index)]?.querySelector(named) ?? null;
        const shared = [...this.#form.querySelectorAll(named)].find((input) => !input.closest("fieldset"));
        return shared ?? this.#fieldsets[0].querySelector(named);
    }

    #started(answer) {
        if (answer.callSid) return this.#navigate(`#/calls/${answer.callSid}`);
        const entries = (answer.calls ?? []).map(({ callSid, businessName, problem }) => element("li", {}, callSid
            ? element("a", { href: `#/calls/${encodeURIComponent(callSid)}` }, `${businessName} is being called`)
            : `${businessName} was not called: ${problem?.detail ?? "the reason is not known"}`));
        this.#parts.started.replaceChildren(element("ul", { class: "started" }, entries));
    }
}

function addError(input) {
    const error = element("span", { class: "error", id: `${input.id}-error` });
    input.after(error);
    input.setAttribute("aria-describedby", error.id);
}

function setProblem(input, text) {
    setAttribute(input, "aria-invalid", text ? "true" : null);
    setText(document.getElementById(`${input.id}-error`), text ? `It ${text}.` : "");
}

/** `crypto.randomUUID` is there on secure origins only. */
function randomKey() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
