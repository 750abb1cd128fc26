"""What the scripts of this folder share: the browser, the questions to the test that runs them, and what holds for
every page.

A script is run as `script.py URL EXCHANGE`: the address of LifeHub Voice and a folder. What only the test can do, it is
asked for by a line `? question` on standard output; its answer is the file `1` of the folder, `2` to the next question.
"""

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
# A busy machine's stages take their time.
PATIENCE_MS = 40_000

expect.set_options(timeout=PATIENCE_MS)


class Monitor:
    """A browser on one deployment."""

    def __init__(self, browser, url: str, exchange: Path | None):
        self.browser = browser
        self.url = url
        self.exchange = exchange
        self.questions = 0
        self.problems: list[str] = []
        self.contexts = []

    def context(self, **options):
        """A browser profile of its own; its pages' errors are collected."""
        # Without sliding and fading, so that what is looked at stands still.
        context = self.browser.new_context(reduced_motion="reduce", color_scheme="light", **options)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        return context

    def page(self, context=None) -> Page:
        page = (context or self.context()).new_page()
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._console(page, message))
        page.on("dialog", lambda dialog: self._script_dialog(dialog))
        return page

    def _console(self, page: Page, message) -> None:
        # An answer with an error's status is told by the page, where it matters.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"{page.url}: {message.text}")

    def _script_dialog(self, dialog) -> None:
        self.problems.append(f"a script has asked: {dialog.message}")
        dialog.dismiss()

    def ask(self, question: str):
        """Has the test do something; returns its answer, which is JSON."""
        self.questions += 1
        answer = self.exchange / str(self.questions)
        print(f"? {question}", flush=True)
        deadline = time.monotonic() + 240
        while not answer.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer to {question}")
            time.sleep(0.05)
        return json.loads(answer.read_text())

    def expect_accessible(self, page: Page, what: str) -> None:
        """What axe finds in light and dark colours is nothing."""
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours)
            found = Axe().run(page).response["violations"]
            for violation in found:
                places = [node["target"] for node in violation["nodes"]]
                self.problems.append(f"{what}, {colours}: {violation['id']}: {violation['help']} at {places}")
        page.emulate_media(color_scheme="light")


@contextmanager
def monitor():
    """The browser for a script's arguments. Ends with an error when a page had one."""
    url, exchange = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with sync_playwright() as playwright:
        # Debian's chromium cannot make its sandbox as root, as whom containers run.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = Monitor(browser, url, exchange)
        try:
            yield opened
        except BaseException:
            for context in opened.contexts:
                for page in context.pages:
                    print(f"--- {page.url}\n{page.locator('main').inner_text(timeout=2000)}", file=sys.stderr)
            raise
        finally:
            print("\n".join(opened.problems), file=sys.stderr)
            browser.close()
    if opened.problems:
        sys.exit("The pages had problems, see above.")


def said(page: Page) -> list[str]:
    """The finished utterances of the call that is shown: what was heard of them."""
    return page.locator("ol.said-list:not(.partials) .said .words").evaluate_all(
        "all => all.map(words => words.firstChild?.textContent.trim() ?? '')"
    )


def eventually(what: str, condition, seconds: float = PATIENCE_MS / 1000):
    """Asks again and again until `condition()` is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
    return value
