"""A real browser for the pages, and a place to put them."""

import os
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
#: chromium runs as root only without its sandbox; the rest keeps it from talking to its maker.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")  # no longer: Playwright keeps an event loop running, beside which asyncio.run cannot be
def browser():
    if not CHROMIUM.exists():
        message = f"no browser at {CHROMIUM}; install Debian's chromium or set CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Opened:
    """A page that keeps account of what it asked the network for and what it complained of."""

    def __init__(self, page):
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page from its text: `opened(text, width=390, color_scheme="dark", java_script_enabled=False)`."""
    contexts = []

    def open_page(text, *, width=1280, **options) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_bytes(text.encode())
        opened = Opened(context.new_page())
        opened.page.goto(file.as_uri())
        return opened

    yield open_page
    for context in contexts:
        context.close()
