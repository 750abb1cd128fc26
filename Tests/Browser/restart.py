"""Behind a login: a call with all tools and handoffs, the sink killed while it is watched, and apps of another origin
that embed the element. Further arguments: a token, and the port at which the apps are to be served."""

import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

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


def serve_apps(directory: str, port: int) -> None:
    """Two apps of another origin that embed the element: the plain example, and one in React."""
    shutil.copytree(EXAMPLE, directory, dirs_exist_ok=True)
    Path(directory, "react.html").write_text('<!doctype html><div id="root"></div><script src="react.js"></script>')
    # Debian's React.
    subprocess.run(
        ["esbuild", "--bundle", "--jsx=automatic", "--log-level=warning", f"--outfile={directory}/react.js",
         str(Path(__file__).with_name("react_page.jsx"))],
        env=os.environ | {"NODE_PATH": "/usr/share/nodejs"}, check=True,
    )
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()


def embedded(opened, app: str, token: str):
    """A page of the plain app, in a profile that is not logged in."""
    page = opened.page()
    page.goto(app)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Watch").click()
    return page


def embedded_in_react(opened, app: str, token: str):
    page = opened.page()
    page.goto(f"{app}#{token}")
    element = page.locator("realtime-call-monitor")
    for _ in range(2):
        expect(element.get_by_role("heading", name="Test Business")).to_be_visible()
        page.get_by_role("button", name="Hide").click()
        expect(element).to_have_count(0)
        page.get_by_role("button", name="Show").click()
    return page


def end_by_button(page, sid: str) -> None:
    """The app is told, and says so; whether the call ends is the app's affair."""
    expect(page.locator("realtime-call-monitor").get_by_role("heading", name="Test Business")).to_be_visible()
    page.get_by_role("button", name="End call").click()
    page.get_by_role("dialog").get_by_role("button", name="End call").click()
    expect(page.get_by_role("status").filter(has_text=sid)).to_be_visible()


def watch(opened, token: str, apps: str) -> None:
    page = opened.page()
    log_in(opened, page, token)
    sid = opened.ask("call")
    link = page.locator(f'[data-call-sid="{sid}"] a')
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Test Business")).to_be_visible()
    parameters = f"?voice={opened.url}&callSid={sid}"
    others = [
        embedded(opened, f"{apps}/{parameters}", token),
        embedded_in_react(opened, f"{apps}/react.html{parameters}", token),
    ]
    for other in others:
        end_by_button(other, sid)

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
    for watcher in (page, late, *others):
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


with monitor() as opened, TemporaryDirectory() as directory:
    serve_apps(directory, int(sys.argv[4]))
    watch(opened, sys.argv[3], f"http://127.0.0.1:{sys.argv[4]}")
