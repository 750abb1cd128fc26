// The conversation of a call as a list: what was said, which tools were asked, who handed over to whom.

import { clearList, element, setAttribute, setText, syncList } from "./dom.js";
import { milliseconds, title } from "./format.js";

/** How many spoken lines the live region keeps. */
const announcedLines = 4;

export class Transcript {
    #said = element("ol", { class: "said-list" });
    #partial = element("ol", { class: "said-list partials" });
    #empty = element("p", { class: "nothing" });
    #scroller = element(
        "div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Transcript" },
        this.#empty, this.#said, this.#partial,
    );
    #latest = element("button", { class: "latest", type: "button", hidden: true }, "Go to the latest");
    /** Finished utterances only: a screen reader is not told every word as it comes. */
    #announcer = element("div", { class: "unseen", role: "log", "aria-live": "polite", "aria-label": "Newly said" });
    #announced = new Set();
    #followsEnd = true;

    constructor() {
        this.node = element("div", { class: "transcript" }, this.#scroller, this.#latest, this.#announcer);
        this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        this.#latest.addEventListener("click", () => {
            this.#toEnd();
            this.#scroller.focus();
        });
    }

    /** Has everything written again. */
    clear() {
        clearList(this.#said);
    }

    /** @param {import("./call-model.js").CallModel} model */
    showConversation(model, formats) {
        const conversation = model.conversation;
        syncList(this.#said, conversation, (entry) => entry.key, makeEntry, (node, entry) => {
            updateEntry(node, entry, formats);
        });
        this.#showEmpty(model, conversation.length + model.partials.size === 0);
        this.#keepEnd();
    }

    showPartials(model) {
        const partials = [...model.partials.values()];
        syncList(this.#partial, partials, (partial) => partial.itemId, makePartial, (node, partial) => {
            setAttribute(node, "class", `said ${partial.speaker}`);
            setAttribute(node, "data-recorded-at", partial.recordedAt);
            setText(node.querySelector(".speaker"), speakerName({ ...partial, agent: model.call?.agent }));
            setText(node.querySelector(".words"), partial.text);
        });
        if (partials.length > 0) this.#showEmpty(model, false);
        this.#keepEnd();
    }

    /** Tells a screen reader of what was just said; of nothing twice. */
    announce(utterance) {
        if (this.#announced.has(utterance.itemId)) return;
        this.#announced.add(utterance.itemId);
        if (this.#announced.size > 100) this.#announced.delete(this.#announced.values().next().value);
        this.#announcer.append(element("p", {}, `${speakerName(utterance)}: ${utterance.text}`));
        while (this.#announcer.childElementCount > announcedLines) this.#announcer.firstElementChild.remove();
    }

    #showEmpty(model, isEmpty) {
        setAttribute(this.#empty, "hidden", !isEmpty);
        if (!isEmpty) return;
        const text = !model.call ? "Loading the call." : model.call.inProgress
            ? "Nothing was said yet. Words appear here as they are spoken."
            : "Nothing was said in this call.";
        setText(this.#empty, text);
    }

    #scrolled() {
        const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
        this.#followsEnd = scrollHeight - scrollTop - clientHeight < 48;
        setAttribute(this.#latest, "hidden", this.#followsEnd);
    }

    #keepEnd() {
        if (this.#followsEnd) this.#toEnd();
    }

    #toEnd() {
        this.#scroller.scrollTop = this.#scroller.scrollHeight;
    }
}

function speakerName(utterance) {
    return utterance.speaker === "agent" ? title(utterance.agent) || "Agent" : "Person";
}

function makeEntry(entry) {
    if (entry.kind !== "utterance") return element("li", { class: `between ${entry.kind}` });
    return element(
        "li", {},
        element("div", { class: "by" }, element("span", { class: "speaker" }), element("time")),
        element("p", { class: "words" }),
    );
}

function makePartial() {
    return element(
        "li", {},
        element("div", { class: "by" }, element("span", { class: "speaker" }), element("span", {}, "speaking")),
        element("p", { class: "words" }),
    );
}

function updateEntry(node, { kind, item }, formats) {
    setAttribute(node, "data-recorded-at", item.recordedAt);
    if (kind === "utterance") updateUtterance(node, item, formats);
    else if (kind === "tool") updateTool(node, item);
    else updateHandoff(node, item);
}

function updateUtterance(node, item, formats) {
    setAttribute(node, "class", `said ${item.speaker === "agent" ? "agent" : "person"}`);
    setText(node.querySelector(".speaker"), speakerName(item));
    const time = node.querySelector("time");
    setAttribute(time, "datetime", item.at);
    setText(time, formats.clock(item.at));
    const words = node.querySelector(".words");
    words.replaceChildren(item.text ?? "");
    if (!item.interrupted) return;
    const unheard = unheardOf(item);
    if (unheard) {
        words.append(" ", element("span", { class: "unseen" }, "Not heard: "), element("s", {}, unheard.trim()));
    }
    const played = item.playedMs > 0 ? ` after ${milliseconds(item.playedMs)}` : "";
    words.append(" ", element("span", { class: "cut" }, `interrupted${played}`));
}

/** What the agent would have said behind the place where it was cut. */
export function unheardOf({ text, generatedText }) {
    if (!generatedText) return "";
    const heard = text ?? "";
    if (generatedText.startsWith(heard)) return generatedText.slice(heard.length);
    let same = 0;
    while (same < heard.length && heard[same] === generatedText[same]) same += 1;
    return generatedText.slice(same);
}

function updateTool(node, item) {
    const outcome = !item.completed ? "is running" : item.succeeded ? "succeeded" : "failed";
    setAttribute(node, "data-kind", !item.completed ? "waiting" : item.succeeded ? "good" : "bad");
    node.replaceChildren(element("span", { class: "tool-name" }, item.name), " ", outcome);
}

function updateHandoff(node, item) {
    node.replaceChildren(
        element("span", { class: "route" }, `${title(item.fromAgent)} → ${title(item.toAgent)}`),
        item.reason ? ` ${item.reason}` : "",
    );
}
