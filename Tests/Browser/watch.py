"""From the empty wall by the form to a call, watched from ring to end; and one that is ended by its button."""

import re

from monitor import eventually, expect, monitor, said

BUSINESS = "<img src=x onerror=alert(1)>Test & Sons<script>alert(2)</script>"
SPOKEN = "<script>alert('spoken')</script><b onmouseover=alert(3)>Hello</b>"


def start_by_keyboard(page, number: str, business: str) -> str:
    """Fills in the form without a mouse; returns the call's id."""
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Start a call")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Phone number")).to_be_focused()
    page.keyboard.type("555")
    page.keyboard.press("Tab")
    page.keyboard.type(business)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Get quote for service")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    # What is wrong stands beside its field, which has the focus.
    wrong = page.get_by_label("Phone number")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(re.compile("E.164"))
    page.keyboard.press("Control+a")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#/calls/CA"))
    return page.url.rsplit("/", 1)[1]


def line(page, text: str):
    return page.locator(".said .words").filter(has_text=text)


def expect_levels(page) -> None:
    for side in ("agent", "person"):
        meter = page.get_by_role("meter", name=f"Level of the {side}")
        eventually(f"a level of the {side}", lambda: "dBFS" in (meter.get_attribute("aria-valuetext") or ""))


def expect_narrow_form(opened) -> None:
    page = opened.page(opened.context(viewport={"width": 360, "height": 740}))
    page.goto(f"{opened.url}/#/start")
    expect(page.get_by_role("heading", name="Start a call")).to_be_visible()
    opened.expect_accessible(page, "the form on a phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "the form is wider than a phone"


def watch(opened) -> None:
    page, wall = opened.page(), opened.page()
    page.goto(opened.url)
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    opened.expect_accessible(page, "the empty wall")
    expect_narrow_form(opened)
    wall.goto(opened.url)
    expect(wall.get_by_text("Live", exact=True)).to_be_visible()

    conversation = opened.ask("conversation")
    sid = start_by_keyboard(page, opened.ask("number"), BUSINESS)
    expect(page.get_by_role("heading", name=BUSINESS, exact=True)).to_be_visible()
    row = wall.locator(f'[data-call-sid="{sid}"]')
    expect(row.get_by_role("link", name=BUSINESS, exact=True)).to_be_visible()
    expect(row).to_contain_text("In progress")

    # Words come before their utterance is finished.
    partial = eventually("words as they are spoken", lambda: page.locator(".partials .words").all_inner_texts())
    assert any(text.startswith(partial[0]) for text in conversation), partial
    expect_levels(page)
    expect(line(page, conversation[0])).to_be_visible()
    opened.ask(f"say {sid} {SPOKEN}")
    expect(line(page, SPOKEN)).to_be_visible()

    late = opened.page()
    late.goto(f"{opened.url}/#/calls/{sid}")
    expect(line(late, conversation[0])).to_be_visible()
    expect(line(late, SPOKEN)).to_be_visible()
    for watcher in (page, late):
        expect(watcher.locator(".card .headline")).to_have_text("45.00 USD")
        expect(watcher.locator(".head").get_by_text("Completed")).to_be_visible()
        eventually("all that was said", lambda: [text for text in said(watcher) if text != SPOKEN] == conversation)
    expect(page.get_by_role("button", name="End call")).to_be_hidden()
    expect(row).to_contain_text("Completed")
    expect(row).to_contain_text("1 quote")
    opened.expect_accessible(page, "a call that is over")
    late.close()
    search(opened, wall)
    wall.close()
    end_by_button(opened, page)
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Statistics")).to_be_visible()
    expect(page.get_by_role("heading", name="Success by tool")).to_be_visible()
    opened.expect_accessible(page, "the statistics")


def search(opened, wall) -> None:
    """What is looked for is text, also where it looks like SQL."""
    rows = wall.locator("[data-call-sid]")
    box = wall.get_by_role("searchbox")
    for text, count in (("sons", 1), ("' OR 1=1 --", 0), ("%", 0), ("QUOTE FOR", 1)):
        box.fill(text)
        expect(rows).to_have_count(count)
        with wall.expect_response(re.compile("/api/voice/calls[?]")) as answer:
            wall.get_by_label("In progress only").check()
        assert answer.value.ok
        expect(rows).to_have_count(0)
        wall.get_by_label("In progress only").uncheck()
        expect(rows).to_have_count(count)
    expect(wall.get_by_role("alert")).to_be_hidden()
    opened.expect_accessible(wall, "the wall")


def end_by_button(opened, page) -> None:
    sid = start_by_keyboard(page, opened.ask("other number"), "Patient Business")
    expect(page.locator(".head").get_by_text("In progress")).to_be_visible()
    opened.expect_accessible(page, "a call in progress")
    page.get_by_role("button", name="End call").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Go on with the call")).to_be_focused()
    opened.expect_accessible(page, "the question whether to end a call")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.locator("main").focus()
    page.keyboard.press("e")
    dialog.get_by_role("button", name="End call").click()
    assert opened.ask(f"completed {sid}") is True
    expect(page.locator(".head").get_by_text("Completed")).to_be_visible()
    expect(page.get_by_role("button", name="End call")).to_be_hidden()


with monitor() as opened:
    watch(opened)
