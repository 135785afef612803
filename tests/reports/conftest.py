"""A real browser that opens pages from their text."""

import os
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
#: As root, chromium runs only without its sandbox. The other flags stop its own network requests.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")  # not "session": while Playwright runs its event loop, asyncio.run fails
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
    """A page that records its network requests and its errors."""

    def __init__(self, page):
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(dialog.message), dialog.dismiss()))


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
