"""What the wall costs in the browser, and how long it takes from a record to the page that shows it.

    Deploy/python.sh Tests/Browser/performance.py [--minutes 10] [--calls 200] [--changes 0] [--ends 0]
    Deploy/python.sh Tests/Browser/performance.py --url http://localhost:3000
    swift run -c release voice-bench monitor --browser --seconds 600 --bootstrap localhost:9092

Without an address there is a source of its own with so many calls in progress and their levels twice a second; of them
`--changes` change and `--ends` end (and others begin) each second. The second is for a deployment without tokens; it also
watches one call. The third runs the second on a load of its own. Prints JSON lines, one a minute and one at the end:
processor time of the page's process and of the whole browser in per cent of a core, the JavaScript heap after a garbage
collection, nodes, and milliseconds from a record's Kafka timestamp to the document that shows it.
"""

import argparse
import json
import time

from playwright.sync_api import sync_playwright

from monitor import CHROMIUM
from wall_source import Calls, serve

OBSERVE = """
window.delays = [];
const known = new WeakMap();
const note = (node) => {
    const recordedAt = node.dataset?.recordedAt;
    // A row that only moves shows nothing new.
    if (!recordedAt || known.get(node) === recordedAt || delays.length >= 1e6) return;
    known.set(node, recordedAt);
    delays.push(Date.now() - Date.parse(recordedAt));
};
const observer = new MutationObserver((changes) => {
    for (const { target, addedNodes, type } of changes) type === "attributes" ? note(target) : addedNodes.forEach(note);
});
const all = { subtree: true, childList: true, attributes: true, attributeFilter: ["data-recorded-at"] };
observer.observe(document, all);
const attachShadow = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    observer.observe(root, all);
    return root;
};
"""


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--changes", type=float, default=0)
    parser.add_argument("--ends", type=float, default=0)
    return parser.parse_args()


def delays(page) -> dict:
    """From a record to the document, milliseconds."""
    shown = sorted(page.evaluate("window.delays"))
    if not shown:
        return {"shown": 0}
    return {"shown": len(shown), "p50Ms": shown[len(shown) // 2], "p99Ms": shown[len(shown) * 99 // 100],
            "maxMs": shown[-1]}


class Measured:
    """One page and the processes behind it."""

    def __init__(self, browser, page):
        self.system = browser.new_browser_cdp_session()
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")
        self.page = page
        self.start = self.last = (time.monotonic(), self.processor_seconds())

    def processor_seconds(self) -> dict[str, float]:
        """Of the page's own process, and of all of the browser's."""
        processes = self.system.send("SystemInfo.getProcessInfo")["processInfo"]
        return {"page": self.metrics()["ProcessTime"], "browser": sum(process["cpuTime"] for process in processes)}

    def metrics(self) -> dict[str, float]:
        return {entry["name"]: entry["value"] for entry in self.session.send("Performance.getMetrics")["metrics"]}

    def percent(self, since) -> dict[str, float]:
        seconds = time.monotonic() - since[0]
        used = self.processor_seconds()
        return {name: round((used[name] - since[1][name]) / seconds * 100, 2) for name in used}

    def line(self, name: str, since) -> dict:
        self.session.send("HeapProfiler.collectGarbage")
        metrics = self.metrics()
        return {
            "case": name, "cpuPercent": self.percent(since), "heapMiB": round(metrics["JSHeapUsedSize"] / 2**20, 2),
            "nodes": int(metrics["Nodes"]), "listeners": int(metrics["JSEventListeners"]),
            "rows": self.page.locator("[data-call-sid]").count(), **delays(self.page),
        }


def open_page(browser):
    """In a window of its own: what is behind another page is not drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_init_script(OBSERVE)
    return context.new_page()


def watch_one(browser, wall):
    """A page with one of the calls that the wall shows."""
    page = open_page(browser)
    page.goto(wall.locator("[data-call-sid] a").first.evaluate("link => link.href"))
    return page


def main() -> None:
    given = arguments()
    url = given.url or serve(Calls(given.calls, given.changes, given.ends))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = open_page(browser)
        page.goto(url)
        page.get_by_text("Live", exact=True).wait_for()
        # Not what loading costs.
        page.wait_for_timeout(3000)
        measured = Measured(browser, page)
        call = Measured(browser, watch_one(browser, page)) if given.url else None
        end = time.monotonic() + given.minutes * 60
        while (left := end - time.monotonic()) > 0:
            page.wait_for_timeout(min(60, left) * 1000)
            print(json.dumps(measured.line("wall/minute", measured.last)), flush=True)
            measured.last = (time.monotonic(), measured.processor_seconds())
        print(json.dumps(measured.line("wall", measured.start)), flush=True)
        if call:
            print(json.dumps(call.line("call", call.start)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
