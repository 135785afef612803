"""The verdict in a sentence, word for word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reports.formatting import format_percent, time_left, visible_text
from reports.headline import headline_sentences, next_steps
from schemas.model.judgment import Counts
from tests.reports import samples as samples


def of(view, *, counts=None, **more):
    judgment = replace(view.judgment, counts=counts) if counts else view.judgment
    return " ".join(headline_sentences(replace(view, judgment=judgment, **more)))


ALL = Counts(read=1200, accepted=1200)
SOME = Counts(read=1200, accepted=1151, rejected=46, ignored=3)
NONE = Counts(read=46, rejected=46)
STARTED = samples.NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("sample", "more", "sentence"),
    [
        ("accepted", {}, "All 1,200 numbers are in and launch on Monday 4 January 2027 at 09:00, Chicago time."),
        ("accepted", {"counts": Counts(read=1, accepted=1)},
         "The one number is in and launches on Monday 4 January 2027 at 09:00, Chicago time."),
        ("accepted", {"counts": SOME},
         "1,151 numbers are in and launch on Monday 4 January 2027 at 09:00, Chicago time. "
         "46 rows need your correction."),
        ("accepted", {"counts": ALL, "scheduled_start": STARTED}, "All 1,200 numbers are in and launch at once."),
        ("accepted", {"state": "live"}, "All 1,200 numbers are in; the program is live."),
        ("accepted", {"state": "launch_failed"},
         "All 1,200 numbers are in, but the launch failed. The operator has been told."),
        ("accepted", {"state": "missed"},
         "All 1,200 numbers are in, but the start was missed. The operator has been told."),
        ("accepted", {"state": "superseded"},
         "All 1,200 numbers are in. A later revision has taken the place of this one."),
        ("accepted", {"counts": Counts()},
         "The changed program is in and launches on Monday 4 January 2027 at 09:00, Chicago time."),
        ("accepted", {"dry_run": True, "state": None},
         "All 1,200 numbers are in order and would launch on Monday 4 January 2027 at 09:00, Chicago time."),
        ("held", {}, "Nothing launches yet: this drop is held until the operator releases it. "
                     "5 rows need your correction."),
        ("rejected", {}, "Nothing was taken: 4 faults outside the rows must be corrected first. "
                         "5 rows are wrong as well."),
        ("unreadable", {}, "Nothing was taken, because the manifest could not be read."),
        ("dry_run", {}, "9 of 10 rows are in order. 1 row needs your correction."),
        ("dry_run", {"counts": NONE}, "No row is in order. 46 rows need your correction."),
    ],
)  # fmt: skip
def test_sentence(sample, more, sentence):
    assert of(getattr(samples, sample)(), **more) == sentence


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (NONE, "Nothing was taken: none of the 46 rows passed."),
        (SOME, "Nothing was taken: 46 of 1,200 rows are wrong, more than this drop allows."),
        (Counts(), "Nothing was taken: there was no row to take."),
    ],
)
def test_sentence_of_a_rejection_for_its_rows(counts, sentence):
    view = samples.held()
    assert of(replace(view, judgment=replace(view.judgment, verdict="rejected")), counts=counts) == sentence


def test_a_cancelled_program_says_so():
    view = samples.accepted()
    manifest = replace(view.judgment.manifest, state="cancelled")
    judgment = replace(view.judgment, manifest=manifest, counts=Counts())
    assert headline_sentences(replace(view, judgment=judgment)) == [
        "The program is cancelled and its numbers are free again."
    ]


def test_what_to_do_names_the_files_and_the_logo():
    view = samples.with_rejections()
    manifest = replace(view.judgment.manifest, logo="<acme>.svg")
    first, second = next_steps(replace(view, judgment=replace(view.judgment, manifest=manifest)))
    assert first == 'Correct the rows in <a href="rejected.csv">rejected.csv</a>.'
    assert "and the logo &lt;acme&gt;.svg. Nothing else has to be sent again." in second


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=42), "in 42 days"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(minutes=59), "within the hour"),
        (timedelta(), "has passed"),
    ],
)
def test_time_left(span, text):
    assert time_left(samples.NOW + span, samples.NOW) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0 %"),
        (0, 9, "0 %"),
        (9, 9, "100 %"),
        (1, 10_000, "< 0.1 %"),
        (9999, 10_000, "> 99.9 %"),
        (46, 1200, "3.8 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_none(part, whole, text):
    assert format_percent(part, whole) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("nul\x00", "nul␀"),
        ("\u202eabc", "[U+202E]abc"),
        ("a\u200bb", "a[U+200B]b"),
        ("x" * 21, "x" * 19 + "…"),
        ("ümlaut 中", "ümlaut 中"),
        ("\U000e0041", "[U+E0041]"),
    ],
)
def test_what_a_stranger_wrote_is_made_visible_and_cut(text, shown):
    assert visible_text(text, 20) == shown
