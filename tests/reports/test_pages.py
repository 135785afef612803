"""The pages as text: golden files, the content security policy, size limits, and untrusted values.

`GOLDEN=write pytest tests/reports/test_pages.py` rewrites the golden files. Read the diff.
"""

import base64
import hashlib
import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.index_pages import business_index, operator_index
from reports.json_documents import report_json
from reports.report_page import report_html
from reports.views import (
    AttentionItem,
    BrandingPreview,
    BusinessIndexView,
    OperatorIndexView,
    ProgramSummary,
    RevisionChanges,
    RuleCount,
)
from tests.reports import samples

GOLDEN = Path(__file__).parent / "golden"
VIEWS = ("accepted", "with_rejections", "held", "rejected", "unreadable", "incomplete", "dry_run", "hostile")
PAGES = {
    **{name: lambda name=name: report_html(getattr(samples, name)()) for name in VIEWS},
    "business": lambda: business_index(samples.business_index()),
    "operator": lambda: operator_index(samples.operator_index()),
}


def check_golden(name, text):
    file = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
    assert text == file.read_text(encoding="utf-8")


def without_parts(page):
    """The page without its style, its script and their hashes, which every design change would alter."""
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    page = re.sub(r"<script>.*?</script>", "<script></script>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[^&]*", "sha256-", page)


@pytest.mark.parametrize("name", ["accepted", "with_rejections", "held", "rejected", "unreadable", "incomplete"])
def test_report_matches_its_golden_file(name):
    view = getattr(samples, name)()
    check_golden(f"{name}.html", without_parts(report_html(view)))
    check_golden(f"{name}.json", report_json(view))


@pytest.mark.parametrize("name", ["business", "operator"])
def test_index_matches_its_golden_file(name):
    check_golden(f"{name}.html", without_parts(PAGES[name]()))


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_only_the_pages_own_parts(name):
    page = PAGES[name]()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        parts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        assert len(parts) == 1
        digest = base64.b64encode(hashlib.sha256(parts[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    markup = without_parts(page)
    assert not re.search(r"<[^>]*\sstyle=", markup)
    assert not re.search(r"<(link|iframe|object|embed|base)\b", markup)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_from_elsewhere(name):
    markup = re.sub(r"<(td|p|code|dd|li|h1|span|b)\b[^>]*>[^<]*", "", without_parts(PAGES[name]()))
    addresses = re.findall(r'(?:src|href)="?([^"\s>]*)', markup)
    own = ("data:image/svg+xml;base64,", "#", "..")
    assert all(address.startswith(own) or ":" not in address for address in addresses)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_smaller_than_1_5_mb(name):
    assert len(PAGES[name]().encode()) < 1_500_000


def test_a_page_with_the_largest_logo_is_smaller_than_1_5_mb():
    view = replace(samples.hostile(), logo=samples.LOGO.replace(b">", b">" + b" " * 204_000, 1))
    page = report_html(view)
    assert "data:image/svg+xml;base64," in page
    assert len(page.encode()) < 1_500_000


def test_a_logo_of_200_kb_or_more_is_not_shown():
    assert "data:image" not in report_html(replace(samples.accepted(), logo=b"x" * 204_800))


def test_no_value_becomes_markup():
    markup = without_parts(report_html(samples.hostile()))
    assert "<script>document" not in markup
    assert "<img src=x" not in markup
    assert "\x00" not in markup
    assert "\u202e" not in markup
    assert "\u200b" not in markup
    assert "{{ 7*7 }}" in markup


def test_hostile_values_in_the_indexes_are_escaped_too():
    hostile = "<script>alert(1)</script>\u202e"
    business = BusinessIndexView(
        business="x", legal_name=hostile, now=samples.NOW,
        programs=[ProgramSummary(reference="r", revision=1, state=None, branding="none", name=hostile)],
        top_rules=[RuleCount(id="NUM-001", name=hostile, count=1)],
    )  # fmt: skip
    operator = OperatorIndexView(
        now=samples.NOW,
        businesses_error=hostile,
        review=[
            AttentionItem(
                what=hostile,
                why=hostile,
                commands=(hostile,),
                preview=BrandingPreview(display=hostile, shorthand=hostile),
            )
        ],
    )
    for page in (business_index(business), operator_index(operator)):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_empty_indexes_say_so():
    assert "Nothing has been dropped yet." in business_index(BusinessIndexView(business="x", now=samples.NOW))
    page = operator_index(OperatorIndexView(now=samples.NOW))
    assert "Nothing needs your attention." in page
    assert "No businesses are registered yet." in page


def test_branding_in_review_has_a_call_preview():
    page = operator_index(samples.operator_index())
    assert "<b>Acme Bank Collections</b>" in page
    assert "Where space is limited: Acme Bank Coll…" in page
    assert (
        f'<img class="face" src="data:image/svg+xml;base64,{base64.b64encode(samples.LOGO).decode()}" alt="logo' in page
    )


def test_paused_launches_are_at_the_top_of_the_operators_page():
    page = operator_index(OperatorIndexView(now=samples.NOW, paused=True))
    assert "1 item needs your attention." in page
    assert "launchdrop launches resume" in page


def test_only_a_later_revision_shows_what_changed():
    view = samples.accepted()
    assert "Since last time" not in report_html(view)
    page = report_html(replace(view, revision=RevisionChanges(number=2, added=1234, removed=5, changed=6)))
    assert "Since last time" in page
    assert "<dt>added</dt><dd>1,234</dd>" in page


def test_a_report_with_cut_rows_says_so():
    page = report_html(samples.hostile())
    assert "Search and filters cover the listed rows only" in page
    assert "All 51 rows with findings are listed." in report_html(samples.with_rejections())


def test_times_are_in_the_programs_zone_and_utc():
    page = report_html(samples.accepted())
    assert "Monday, January 4, 2027, 9:00 AM CST<small>Jan 4, 2027, 3:00 PM UTC; in 41 days</small>" in page


def test_rendering_takes_well_under_a_second():
    lines = [
        samples.line("numbers.csv", row, "501-214-9020", "Marketing", "PUR-002", "Not one of the ten.", "Telemarketing")
        for row in range(1, 5001)
    ]
    judgment = samples.judged(
        lines, files=[samples.file_of("numbers.csv", lines, read=1_000_000)], verdict="accepted_with_rejections",
        manifest=samples.MANIFEST, cap=5000,
    )  # fmt: skip
    view = samples.view_of(judgment)
    report_html(view)
    start = time.process_time()  # CPU time: other load on the machine does not count
    report_html(view)
    assert time.process_time() - start < 0.8  # 0.2 s on an idle machine


def test_no_clock_is_read():
    """A report renders the same at any time."""
    view = replace(samples.accepted(), now=datetime(2001, 1, 1, tzinfo=UTC))
    assert report_html(view) == report_html(view)
    assert "in 9,499 days" in report_html(view)
