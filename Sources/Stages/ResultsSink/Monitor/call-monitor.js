// <realtime-call-monitor call-sid="CA…">: one call, live.
//
// Attributes: `call-sid`; `src`, the origin of LifeHub Voice (default: where this script came from); `time-zone`, `UTC`
// or nothing; `token`, a bearer token for a page of another origin, better set as a property.
// Events: `end-call` with `detail.callSid`, after the person has confirmed: whoever embeds the element carries it out,
// and calls `endCallFailed(text)` when that fails; `login-needed`. Both bubble out of shadow trees.

import { VoiceClient } from "./client.js";
import { CallModel } from "./call-model.js";
import { callStyles } from "./call-styles.js";
import { CallView } from "./call-view.js";
import { element, oncePerFrame } from "./dom.js";
import { EventStream } from "./event-stream.js";
import { secondsOf } from "./format.js";
import { theme } from "./theme.js";

const ownOrigin = new URL(import.meta.url).origin;

export class RealtimeCallMonitor extends HTMLElement {
    static observedAttributes = ["call-sid", "src", "token", "time-zone"];

    #model = new CallModel();
    #view = null;
    #stream = null;
    #client = null;
    #changed = new Set();
    #isAsked = false;
    #token = "";
    #clock = 0;
    /** Utterances that came while the call was watched. */
    #said = [];
    #draw = oncePerFrame(() => this.#show());

    constructor() {
        super();
        this.attachShadow({ mode: "open" }).adoptedStyleSheets = [theme, callStyles];
    }

    /** The bearer token; an attribute would show it to every script and extension that looks at the page's elements. */
    get token() {
        return this.#token || this.getAttribute("token") || "";
    }

    set token(value) {
        this.#token = value ?? "";
        this.#askToOpen();
    }

    get callSid() {
        return this.getAttribute("call-sid") ?? "";
    }

    set callSid(value) {
        this.setAttribute("call-sid", value);
    }

    connectedCallback() {
        this.#takeEarly("token");
        this.#takeEarly("callSid");
        this.#askToOpen();
        this.#clock = setInterval(() => this.#tick(), 1000);
    }

    disconnectedCallback() {
        clearInterval(this.#clock);
        this.#close();
    }

    attributeChangedCallback(name, before, after) {
        if (before === after) return;
        if (name === "time-zone") this.#view?.setTimeZone(this.#model, after ?? "");
        else this.#askToOpen();
    }

    /** What the embedding page says when the call could not be ended. */
    endCallFailed(text) {
        this.#view?.showEnding(false);
        this.#view?.showNotice(text);
    }

    /** Asks for confirmation, then fires `end-call`. */
    requestEnd() {
        if (!this.#model.call?.inProgress) return;
        const dialog = this.#dialog();
        this.shadowRoot.append(dialog);
        dialog.showModal();
    }

    /** A property that was set before this script came stands in front of the class's own. */
    #takeEarly(name) {
        if (!Object.hasOwn(this, name)) return;
        const value = this[name];
        delete this[name];
        this[name] = value;
    }

    /** Attributes and properties are often set one after the other: the stream is opened once for all of them. */
    #askToOpen() {
        if (this.#isAsked) return;
        this.#isAsked = true;
        queueMicrotask(() => {
            this.#isAsked = false;
            if (this.isConnected) this.#open();
        });
    }

    #open() {
        this.#close();
        this.#model = new CallModel();
        this.#said = [];
        this.#view = new CallView(() => this.requestEnd());
        this.shadowRoot.replaceChildren(this.#view.node);
        if (!/^CA[0-9a-f]{32}$/i.test(this.callSid)) {
            this.#view.showConnection("closed");
            this.#view.showNotice("call-sid must be CA and 32 hexadecimal digits.");
            return;
        }
        this.#view.showConnection("connecting");
        if (this.getAttribute("time-zone")) this.#view.setTimeZone(this.#model, this.getAttribute("time-zone"));
        this.#client = new VoiceClient(this.getAttribute("src") || ownOrigin, this.token);
        this.#client.onDenied = () => this.#tell("login-needed");
        this.#stream = new EventStream(this.#client, `/api/voice/calls/${encodeURIComponent(this.callSid)}/events`, {
            onEvent: (name, data) => this.#received(name, data),
            onState: (state) => this.#entered(state),
        });
    }

    #close() {
        this.#stream?.close();
        this.#stream = null;
        this.#changed.clear();
    }

    #entered(state) {
        this.#view.showConnection(state);
        if (state === "missing") this.#view.showNotice("This call is not known yet. It is looked for again.");
        else if (state === "history" || state === "live") this.#view.showNotice("");
        if (state === "live") {
            this.#changed.add("call").add("turn").add("tool").add("handoff").add("moment");
            this.#draw();
        }
    }

    #received(name, data) {
        const changed = this.#model.apply(name, data);
        if (!changed) return;
        if (name === "utterance" && this.#stream?.state === "live" && data.text) {
            this.#said.push(data);
            // A page that nobody looks at does not draw: it has no long story to tell when it does.
            if (this.#said.length > 4) this.#said.shift();
        }
        this.#changed.add(changed);
        this.#draw();
    }

    #show() {
        if (!this.#model.call || !this.#stream) return;
        const changed = this.#changed;
        this.#changed = new Set();
        this.#view.show(this.#model, changed);
        if (changed.has("call")) {
            this.#tick();
            if (!this.#model.call.inProgress) this.#view.showEnding(false);
        }
        for (const utterance of this.#said.splice(0)) this.#view.announce(utterance);
    }

    #tick() {
        const call = this.#model.call;
        if (!call) return;
        this.#view.showDuration(secondsOf(call, this.#stream?.clockOffset ?? 0));
    }

    #dialog() {
        const name = this.#model.call.businessName || "this business";
        const button = (text, attributes) => element("button", { type: "button", ...attributes }, text);
        const dialog = element("dialog", { "aria-labelledby": "end-title", onclose: () => this.#closed(dialog) },
            element("h2", { id: "end-title" }, "End this call?"),
            element("p", {}, `The conversation with ${name} stops at once. What was said so far is kept.`),
            element("div", { class: "actions" },
                button("Go on with the call", { autofocus: true, onclick: () => dialog.close() }),
                button("End call", { class: "danger primary", onclick: () => dialog.close("end") })));
        return dialog;
    }

    #closed(dialog) {
        dialog.remove();
        if (dialog.returnValue !== "end") return;
        this.#view.showNotice("");
        this.#view.showEnding(true);
        this.#tell("end-call");
    }

    #tell(name) {
        const detail = { callSid: this.callSid };
        this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
    }
}

if (!customElements.get("realtime-call-monitor")) customElements.define("realtime-call-monitor", RealtimeCallMonitor);
