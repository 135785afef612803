"""The report of a million rejected rows: made, weighed, and opened in a browser.

Judging is not counted: the page is made from what it left behind, with as many findings as are ever shown. It is open
when its script has run and it answers.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from flows.validation.scratch import Spool, spools
from reports.report_page import report_html
from reports.views import SubmissionView
from schemas.judge import judge_csv
from schemas.model.drop import DropFile
from schemas.model.policy import Caps, Policy
from tests.bench import generate
from tests.bench.measuring import progress
from tests.reports.conftest import CHROMIUM, FLAGS

ROWS, ROUNDS = 1_000_000, 5
QUICK_ROWS = 100_000

LIBRARIES = ("jinja2", "pyarrow", "playwright")

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def run(place: Path, *, quick: bool) -> list[str]:
    """The section's text."""
    rows = QUICK_ROWS if quick else ROWS
    generate.write(place / "numbers.csv", rows + rows // 16, 1.0)  # some of the faults are none by chance
    with spools() as spool:
        view = judged(place / "numbers.csv", spool)
        page = report_html(view)
        rendered = statistics.median(seconds(partial(report_html, view)) for _ in range(ROUNDS))
    (place / "report.html").write_text(page, encoding="utf-8")
    opened = statistics.median(opening(place / "report.html", ROUNDS))
    version = browser_version()
    rejected = view.judgment.counts.rejected
    return [
        f"Medians of {ROUNDS}; Chromium {version}.",
        "",
        "| measured | result | must |",
        "| --- | --- | --- |",
        f"| the page of {rejected:,} rejected rows, made | {rendered:.2f} s beyond validation | 2 s |",
        f"| opened in the browser | {opened:.2f} s | 2 s |",
        f"| its size | {len(page.encode()) / 1e6:.2f} MB | 1.5 MB |",
    ]


def judged(path: Path, spool: Spool) -> SubmissionView:
    """What the page is made from."""
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    file = DropFile(name=path.name, bytes=len(content), sha256=digest, open=partial(path.open, "rb"))
    caps = Caps(per_rule=Caps().shown)
    judgment = judge_csv(file, Policy(), caps=caps, spool=spool)
    progress(f"judged {judgment.counts.read:,} rows, {judgment.counts.rejected:,} rejected")
    return SubmissionView(id="20261201T120000Z-00000000", digest=digest, received_at=NOW, now=NOW, judgment=judgment)


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def opening(path: Path, count: int) -> list[float]:
    """Seconds until the browser has the page open and it answers, each time in a fresh window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        return [once_opened(browser, path) for _ in range(count + 1)][1:]  # the first starts the browser's processes


def once_opened(browser: Browser, path: Path) -> float:
    """Seconds in one fresh window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    started = time.perf_counter()
    page.goto(path.as_uri())
    page.evaluate("document.body.getBoundingClientRect().height")
    took = time.perf_counter() - started
    context.close()
    return took


def browser_version() -> str:
    """Its version, as it says it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        return browser.version
