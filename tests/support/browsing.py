"""A visitor's browser: what he opens, chooses and is told, and everything his pages did that they should not."""

import base64
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}
STEPS = ["receipt", "checkpoint", "cosignatures", "leaf", "inclusion", "anchor"]


class Visit:
    """A visitor's page, and everything it did that it should not have done."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.url = url
        self.faults: list[str] = []
        self.allowed: tuple[str, ...] = ()
        """Addresses elsewhere that it may ask, and whose silence its console may tell."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._watch)

    def _hear(self, message: object) -> None:
        if self.allowed and message.location["url"].startswith(self.allowed):  # type: ignore[attr-defined]
            return
        # A page that answers 404 is told on the console too, and is meant.
        if message.type in {"error", "warning"} and "404 (Not Found)" not in message.text:  # type: ignore[attr-defined]
            self.faults.append(message.text)  # type: ignore[attr-defined]

    def _watch(self, request: object) -> None:
        if not request.url.startswith((self.url, "data:", *self.allowed)):  # type: ignore[attr-defined]
            self.faults.append(f"asked {request.url}")  # type: ignore[attr-defined]

    def open(self, path: str, lang: str = "en") -> Page:
        self.page.goto(f"{self.url}{path}{'&' if '?' in path else '?'}lang={lang}")
        return self.page


def outcomes(page: Page) -> dict[str, str]:
    expect(page.locator("#result[data-verdict]")).to_be_visible(timeout=15_000)
    steps = page.locator("[data-step]").all()
    return {step.get_attribute("data-step") or "": step.get_attribute("data-outcome") or "" for step in steps}


def choose(page: Page, receipt: str) -> dict[str, str]:
    page.set_input_files("#file", {"name": "a.tlog-proof", "mimeType": "text/plain", "buffer": receipt.encode()})
    return outcomes(page)


def drop(page: Page, *paths: Path, on: str = "#drop") -> None:
    page.locator(on).scroll_into_view_if_needed()
    box = page.locator(on).bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        at = {"type": kind, "x": box["x"] + 20, "y": box["y"] + 10, "data": data}
        session.send("Input.dispatchDragEvent", at)


def flipped(line: str) -> str:
    raw = bytearray(base64.b64decode(line))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()
