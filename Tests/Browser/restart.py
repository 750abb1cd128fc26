"""Behind a login: a call with all tools and handoffs, the sink killed while it is watched, and a page of another origin
that embeds the element. Further arguments: a token, and the port at which the other page is to be served."""

import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from monitor import eventually, expect, monitor, said

EXAMPLE = Path(__file__).parents[2] / "Deploy/examples/embed"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


def log_in(opened, page, token: str) -> None:
    page.goto(opened.url)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_label("API token")).to_be_focused()
    opened.expect_accessible(page, "the login")
    page.keyboard.type("not a token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is not one of the deployment's tokens.")
    page.keyboard.press("Control+a")
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    assert "lifehub_voice" not in page.evaluate("document.cookie"), "the cookie is for no script"


def log_out(opened, page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.evaluate("fetch('/api/voice/calls').then(answer => answer.status)") == 401
    page.reload()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def embedded(opened, sid: str, token: str, port: int):
    """The example, on an origin of its own, in a profile that is not logged in."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=str(EXAMPLE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = opened.page()
    page.goto(f"http://127.0.0.1:{port}/?voice={opened.url}&callSid={sid}")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Watch").click()
    expect(page.locator("realtime-call-monitor").get_by_role("heading", name="Test Business")).to_be_visible()
    page.get_by_role("button", name="End call").click()
    page.get_by_role("dialog").get_by_role("button", name="End call").click()
    expect(page.get_by_role("status").filter(has_text=sid)).to_be_visible()
    return page


def watch(opened, token: str, port: int) -> None:
    page = opened.page()
    log_in(opened, page, token)
    sid = opened.ask("call")
    link = page.locator(f'[data-call-sid="{sid}"] a')
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Test Business")).to_be_visible()
    other = embedded(opened, sid, token, port)

    handoffs = page.locator(".timeline li .route")
    eventually("a handoff", lambda: handoffs.count() >= 1)
    expect(page.locator(".between.handoff").first).to_be_visible()
    page.evaluate("""() => {
        const chip = document.querySelector("realtime-call-monitor").shadowRoot.querySelector(".state [role=status]");
        window.states = [];
        new MutationObserver(() => states.push(chip.textContent)).observe(chip, {childList: true, characterData: true,
            subtree: true});
    }""")
    opened.ask("restart the sink")
    eventually("the page has gone on", lambda: page.evaluate("states.at(-1)") == "Live")
    assert "Reconnecting" in page.evaluate("states"), page.evaluate("states")

    opened.ask("ended")
    late = opened.page(page.context)
    late.goto(f"{opened.url}/#/calls/{sid}")
    expected = opened.ask("expected")
    for watcher in (page, late, other):
        expect(watcher.locator(".head").get_by_text("Completed")).to_be_visible()
        eventually("all handoffs", lambda: handoffs_of(watcher) == expected["handoffs"])
        eventually("all that was said, each once", lambda: said(watcher) == expected["conversation"])
        assert sorted(watcher.locator(".tools summary code").all_inner_texts()) == expected["tools"]
        assert sorted(watcher.locator(".card > .kind").all_inner_texts()) == expected["results"]
    opened.expect_accessible(page, "a call with all tools")
    late.close()
    log_out(opened, page)


def handoffs_of(page) -> list[str]:
    return [text.split(" → ")[1] for text in page.locator(".timeline li .route").all_inner_texts()]


with monitor() as opened:
    watch(opened, sys.argv[3], int(sys.argv[4]))
