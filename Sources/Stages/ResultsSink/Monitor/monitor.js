// The page: who is logged in, which view is shown, and what holds for all views.

import "./call-monitor.js";
import { VoiceClient } from "./client.js";
import { setAttribute, setText } from "./dom.js";
import { StartView } from "./start-form.js";
import { StatisticsView } from "./statistics.js";
import { fromTemplate } from "./template.js";
import { theme } from "./theme.js";
import { WallView } from "./wall.js";

document.adoptedStyleSheets = [theme];

const client = new VoiceClient(location.origin);
const main = document.getElementById("main");
const zone = document.getElementById("zone");
const colours = document.getElementById("theme");
const shortcuts = document.getElementById("shortcuts");
const help = document.getElementById("help");

let view = { close() {} };
let anonymous = false;
let isLoggedIn = false;
/** Where the wall's filter is. */
let wallHash = "#/calls";

/** One call: the element, and what it asks for. */
class CallPage {
    #monitor;

    constructor(host, callSid) {
        const { node } = fromTemplate("view-call");
        this.#monitor = node.querySelector("realtime-call-monitor");
        this.#monitor.setAttribute("call-sid", callSid);
        this.setTimeZone(zone.value);
        this.#monitor.addEventListener("end-call", (event) => this.#end(event.detail.callSid));
        node.querySelector(".back a").href = wallHash;
        host.replaceChildren(node);
    }

    close() {}

    setTimeZone(value) {
        setAttribute(this.#monitor, "time-zone", value || null);
    }

    askToEnd() {
        this.#monitor.requestEnd();
    }

    async #end(callSid) {
        try {
            const path = `/api/voice/calls/${encodeURIComponent(callSid)}/end`;
            await client.post(path, { reason: "ended in the call monitor" });
        } catch (error) {
            this.#monitor.endCallFailed(error.message);
        }
    }
}

class LoginPage {
    constructor(host) {
        const { node } = fromTemplate("view-login");
        const form = node.querySelector("form");
        form.addEventListener("submit", async (event) => {
            event.preventDefault();
            setText(form.querySelector(".error"), "");
            setAttribute(form.elements.token, "aria-invalid", null);
            try {
                await client.post("/api/voice/login", { token: form.elements.token.value.trim() });
                await checkLogin();
                show();
            } catch (error) {
                const text = error.status === 401 ? "This is not one of the deployment's tokens." : error.message;
                setText(form.querySelector(".error"), text);
                setAttribute(form.elements.token, "aria-invalid", "true");
                form.elements.token.focus();
            }
        });
        host.replaceChildren(node);
        form.elements.token.focus();
    }

    close() {}
}

async function checkLogin() {
    try {
        anonymous = (await client.get("/api/voice/login"))?.anonymous === true;
        isLoggedIn = true;
    } catch (error) {
        if (error.status !== 401) throw error;
        isLoggedIn = false;
    }
    setAttribute(document.getElementById("nav"), "hidden", !isLoggedIn);
    setAttribute(document.getElementById("logout"), "hidden", !isLoggedIn || anonymous);
}

/** Shows what the address says. */
function show() {
    view.close();
    const [path, search = ""] = location.hash.slice(1).split("?");
    const [, name = "calls", callSid] = path.split("/");
    const context = {
        client, anonymous, zone: zone.value, parameters: new URLSearchParams(search),
        navigate: (hash) => location.hash = hash,
        onFilter: (hash) => {
            wallHash = hash;
            history.replaceState(null, "", hash);
        },
    };
    if (name === "calls" && !callSid) wallHash = location.hash || "#/calls";
    const [heading, make] = !isLoggedIn ? ["Log in", () => new LoginPage(main)]
        : name === "start" ? ["Start a call", () => new StartView(main, context)]
        : name === "statistics" ? ["Statistics", () => new StatisticsView(main, context)]
        : callSid ? ["Call", () => new CallPage(main, callSid)]
        : ["Calls", () => new WallView(main, context)];
    document.title = `${heading} · LifeHub Voice`;
    view = make();
    for (const link of document.querySelectorAll("#nav a")) {
        const isCurrent = isLoggedIn && link.hash === `#/${name || "calls"}`;
        setAttribute(link, "aria-current", isCurrent ? (callSid ? "true" : "page") : null);
    }
}

function navigated() {
    show();
    if (isLoggedIn) main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
}

/** Single letters, where nobody is typing and no dialog is open. */
function pressed(event) {
    if (!shortcuts.checked || event.ctrlKey || event.metaKey || event.altKey || !isLoggedIn) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, dialog") || help.open) return;
    const actions = {
        w: () => location.hash = wallHash, n: () => location.hash = "#/start", s: () => location.hash = "#/statistics",
        e: () => view.askToEnd?.(), "?": () => help.showModal(),
        "/": () => view.focusSearch ? view.focusSearch() : location.hash = wallHash,
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
}

/** What the person chose for this browser. */
function restore(key, control, apply) {
    const isBox = control.type === "checkbox";
    try {
        const value = localStorage.getItem(key);
        if (value !== null && isBox) control.checked = value === "true";
        else if (value !== null) control.value = value;
    } catch {
        // Without storage the choice lasts as long as the page.
    }
    apply();
    control.addEventListener("change", () => {
        try {
            localStorage.setItem(key, isBox ? String(control.checked) : control.value);
        } catch {
            // As above.
        }
        apply();
    });
}

async function logOut() {
    try {
        await client.post("/api/voice/logout", {});
        isLoggedIn = false;
        await checkLogin();
    } catch {
        // Nobody is logged out while the server is away.
    }
    show();
}

function denied() {
    if (!isLoggedIn) return;
    isLoggedIn = false;
    setAttribute(document.getElementById("nav"), "hidden", true);
    setAttribute(document.getElementById("logout"), "hidden", true);
    show();
}

restore("lifehub-voice.theme", colours, () => {
    setAttribute(document.documentElement, "data-theme", colours.value || null);
});
restore("lifehub-voice.zone", zone, () => view.setTimeZone?.(zone.value));
restore("lifehub-voice.shortcuts", shortcuts, () => {});
document.getElementById("help-open").addEventListener("click", () => help.showModal());
document.getElementById("logout").addEventListener("click", logOut);
document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
});
addEventListener("hashchange", navigated);
addEventListener("keydown", pressed);
main.addEventListener("login-needed", denied);
client.onDenied = denied;

/** Until the server answers. */
async function start() {
    try {
        await checkLogin();
        show();
    } catch (error) {
        main.textContent = `${error.message} This page tries again.`;
        setTimeout(start, 2000);
    }
}

start();
