"""The report of a million rejected rows: time to render it, its size, and time to open it in a browser.

Judging is not included. The page has the largest number of findings that is ever shown. It counts as open when its
script has run and the page responds.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from flows.validation.spill_files import open_spill_files
from reports.report_page import report_html
from reports.views import SubmissionView
from schemas.judge import judge_csv
from schemas.model.callbacks import OpenSpillFile
from schemas.model.drop import DropFile
from schemas.model.policy import FindingCaps, Policy
from tests.bench import generate
from tests.bench.measurement import print_progress
from tests.reports.conftest import CHROMIUM, FLAGS

ROWS, ROUNDS = 1_000_000, 5
QUICK_ROWS = 100_000

LIBRARIES = ("jinja2", "pyarrow", "playwright")

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def run(place: Path, *, quick: bool) -> list[str]:
    """The lines of the section."""
    rows = QUICK_ROWS if quick else ROWS
    # A few more rows, because some of the bad ones are valid by chance.
    generate.write_numbers_file(place / "numbers.csv", rows + rows // 16, 1.0)
    with open_spill_files() as open_spill:
        view = judge_file(place / "numbers.csv", open_spill)
        page = report_html(view)
        rendered = statistics.median(time_call(partial(report_html, view)) for _ in range(ROUNDS))
    (place / "report.html").write_text(page, encoding="utf-8")
    opened = statistics.median(time_opening(place / "report.html", ROUNDS))
    version = browser_version()
    rejected = view.judgment.counts.rejected
    return [
        f"Medians of {ROUNDS}; Chromium {version}.",
        "",
        "| measured | result | required |",
        "| --- | --- | --- |",
        f"| render the page of {rejected:,} rejected rows | {rendered:.2f} s more than validation | 2 s |",
        f"| open it in the browser | {opened:.2f} s | 2 s |",
        f"| its size | {len(page.encode()) / 1e6:.2f} MB | 1.5 MB |",
    ]


def judge_file(path: Path, open_spill: OpenSpillFile) -> SubmissionView:
    """Judge the file. Returns what the page is rendered from."""
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    file = DropFile(name=path.name, bytes=len(content), sha256=digest, open=partial(path.open, "rb"))
    caps = FindingCaps(per_rule=FindingCaps().shown)
    judgment = judge_csv(file, Policy(), NOW, caps=caps, open_spill=open_spill)
    print_progress(f"judged {judgment.counts.read:,} rows, {judgment.counts.rejected:,} rejected")
    return SubmissionView(id="20261201T120000Z-00000000", digest=digest, received_at=NOW, now=NOW, judgment=judgment)


def time_call(action: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def time_opening(path: Path, count: int) -> list[float]:
    """Seconds to open the page in the browser, each time in a new window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        # The first one is left out, because it starts the browser's processes.
        return [time_one_opening(browser, path) for _ in range(count + 1)][1:]


def time_one_opening(browser: Browser, path: Path) -> float:
    """Seconds to open the page in one new window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    started = time.perf_counter()
    page.goto(path.as_uri())
    page.evaluate("document.body.getBoundingClientRect().height")
    took = time.perf_counter() - started
    context.close()
    return took


def browser_version() -> str:
    """The version that Chromium reports."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        return browser.version
