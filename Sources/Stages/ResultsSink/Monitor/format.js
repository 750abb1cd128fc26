// How values are written for people. Times are shown in the browser's time zone or in UTC.

/** @param {string} zone `UTC`, or empty for the browser's. */
export function timeFormats(zone) {
    const timeZone = zone === "UTC" ? "UTC" : undefined;
    const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", timeZone });
    const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone });
    const minute = new Intl.DateTimeFormat(undefined, { timeStyle: "short", timeZone });
    const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone });
    /** The day is left out when it is today. */
    const short = {
        format: (date) => day.format(date) === day.format(Date.now())
            ? minute.format(date) : `${day.format(date)}, ${minute.format(date)}`,
    };
    const written = (format) => (text) => {
        const date = new Date(text ?? NaN);
        return Number.isNaN(date.getTime()) ? "–" : format.format(date);
    };
    return { clock: written(clock), moment: written(moment), short: written(short) };
}

/** `65` is `1:05`, an hour more `1:01:05`. */
export function duration(seconds) {
    const whole = Math.max(0, Math.floor(seconds || 0));
    const two = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor(whole / 60) % 60;
    const hours = Math.floor(whole / 3600);
    return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/**
 * How long a call has lasted since the person answered.
 * @param {number} clockOffset as `EventStream` has it.
 */
export function secondsOf(call, clockOffset) {
    if (!call.inProgress || !call.answeredAt) return call.durationSeconds ?? 0;
    return (Date.now() + clockOffset - Date.parse(call.answeredAt)) / 1000;
}

/** Milliseconds as `820 ms` or `1.4 s`. */
export function milliseconds(value) {
    if (value === null || value === undefined) return "–";
    return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** US dollars, given as decimal text: four places below a dollar, since calls cost cents. */
export function dollars(text) {
    const value = Number(text);
    if (text === null || text === undefined || text === "" || !Number.isFinite(value)) return "–";
    return `$${value.toFixed(value !== 0 && Math.abs(value) < 1 ? 4 : 2)}`;
}

/** A price as it was given, which is decimal text and is not rounded. */
export function price(value, currency) {
    if (!value) return "";
    return currency ? `${value} ${currency}` : String(value);
}

export function percent(share) {
    return share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`;
}

/** `main_concierge` is `Main concierge`, `no-answer` is `No answer`. */
export function title(name) {
    const words = String(name ?? "").replaceAll(/[_-]+/g, " ").trim();
    return words ? words[0].toUpperCase() + words.slice(1) : "";
}

export function count(number, one, many = `${one}s`) {
    return `${number} ${number === 1 ? one : many}`;
}

/** A level in dBFS as a share of the meter, whose lower end is -60 dBFS. */
export function levelShare(dbfs) {
    return Number.isFinite(dbfs) ? Math.min(1, Math.max(0, (dbfs + 60) / 60)) : 0;
}

/** Which colour a call's status has. */
export function statusKind(call) {
    if (call.inProgress) return call.status === "in-progress" ? "live" : "waiting";
    if (["failed", "busy", "no-answer", "canceled"].includes(call.status)) return "bad";
    return "done";
}

/** Which colour an outcome has. */
export function outcomeKind(outcome) {
    if (outcome === "success") return "good";
    if (outcome === "partial") return "waiting";
    return outcome ? "bad" : "done";
}

/** What came of a call, the most valuable first. */
export function results(counts) {
    const names = [
        ["quotes", "quote"], ["orders", "order"], ["appointments", "appointment"], ["offers", "offer"],
        ["comparisons", "comparison"],
    ];
    return names.filter(([key]) => counts?.[key] > 0).map(([key, one]) => count(counts[key], one));
}
