"""Takes the pictures of Deploy/screenshots: `screenshots.py URL FOLDER`, on a demo stack that plays `scenes`."""

import json
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from monitor import CHROMIUM, eventually

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
REQUEST = {
    "userRequest": "Get a quote for an oil change of a 2019 Honda Civic",
    "category": "automotive",
    "quotes": [{"businessName": "Known Garage", "price": "60.00", "currency": "USD", "details": "oil change"}],
    "businesses": [
        {"phoneNumber": "+15551230001", "businessName": "Miller’s Garage"},
        {"phoneNumber": "+15551230002", "businessName": "Harbor Auto Service"},
        {"phoneNumber": "+15551230003", "businessName": "Quick Lube Downtown"},
        {"phoneNumber": "+15551230004", "businessName": "Northside Tires & Service"},
        {"phoneNumber": "+15551230005", "businessName": "Green Valley Motors"},
    ],
}


def shoot(page, folder: Path, name: str) -> None:
    """In both colours at a desk's width, and in dark ones at a phone's."""
    for suffix, colours, size in (("light", "light", DESK), ("dark", "dark", DESK), ("narrow", "dark", PHONE)):
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size(size)
        page.evaluate("scrollTo(0, 0)")
        # Charts are drawn again at the new width.
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"{name}-{suffix}.png")
    page.set_viewport_size(DESK)


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=DESK, reduced_motion="reduce")
        expect.set_options(timeout=60_000)
        answer = page.request.post(f"{url}/api/voice/initiate-call", data=json.dumps(REQUEST),
                                   headers={"Content-Type": "application/json"})
        assert answer.ok, answer.text()
        watched = answer.json()["calls"][0]["callSid"]

        page.goto(f"{url}/#/calls/{watched}")
        expect(page.locator(".words .cut")).to_be_visible()
        eventually("a comparison", lambda: page.get_by_text("Comparison", exact=True).count() > 0, 60)
        shoot(page, folder, "call")
        page.goto(f"{url}/#/calls")
        eventually("calls that are over", lambda: page.locator('.found [data-kind="good"]:visible').count() >= 3, 60)
        shoot(page, folder, "calls")

        page.goto(f"{url}/#/start")
        page.get_by_role("button", name="Add another business").click()
        page.get_by_label("Phone number").first.fill("+15551230001")
        page.get_by_label("Name *").first.fill("Miller’s Garage")
        page.get_by_label("Phone number").last.fill("555 123")
        page.get_by_label("Name *").last.fill("Harbor Auto Service")
        page.get_by_label("What to ask for *").fill(REQUEST["userRequest"])
        page.get_by_role("button", name="Call", exact=True).click()
        expect(page.locator("[aria-invalid]")).to_have_count(1)
        shoot(page, folder, "start")
        page.goto(f"{url}/#/statistics")
        expect(page.locator("svg.chart").first).to_be_visible()
        shoot(page, folder, "statistics")
        browser.close()
    for picture in folder.glob("*.png"):
        assert picture.stat().st_size <= 200 * 1024, f"{picture} is too large for a README"


if __name__ == "__main__":
    main()
