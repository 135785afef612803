"""The headline and the next steps, word for word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reports.headline import headline_sentences, next_steps
from schemas.model.judgment import Counts
from tests.reports import samples


def headline_of(view, *, counts=None, **changes):
    judgment = replace(view.judgment, counts=counts) if counts else view.judgment
    return " ".join(headline_sentences(replace(view, judgment=judgment, **changes)))


ALL = Counts(read=1200, accepted=1200)
SOME = Counts(read=1200, accepted=1151, rejected=46, ignored=3)
NONE = Counts(read=46, rejected=46)
STARTED = samples.NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("sample", "changes", "sentence"),
    [
        ("accepted", {},
         "All 1,200 numbers were accepted and will launch on Monday, January 4, 2027, at 9:00 AM CST."),
        ("accepted", {"counts": Counts(read=1, accepted=1)},
         "The only number was accepted and will launch on Monday, January 4, 2027, at 9:00 AM CST."),
        ("accepted", {"counts": SOME},
         "1,151 numbers were accepted and will launch on Monday, January 4, 2027, at 9:00 AM CST. "
         "46 rows need fixing."),
        ("accepted", {"counts": ALL, "scheduled_start": STARTED},
         "All 1,200 numbers were accepted and will launch right away."),
        ("accepted", {"state": "launching"}, "All 1,200 numbers were accepted, and the program is launching now."),
        ("accepted", {"state": "live"}, "All 1,200 numbers were accepted, and the program is live."),
        ("accepted", {"state": "launch_failed"},
         "All 1,200 numbers were accepted, but the launch failed. The operator has been notified."),
        ("accepted", {"state": "missed"},
         "All 1,200 numbers were accepted, but the start was missed. The operator has been notified."),
        ("accepted", {"state": "superseded"},
         "All 1,200 numbers were accepted. A later revision has replaced this one."),
        ("accepted", {"counts": Counts()},
         "The program change was accepted and will launch on Monday, January 4, 2027, at 9:00 AM CST."),
        ("accepted", {"dry_run": True, "state": None},
         "All 1,200 numbers are valid and would launch on Monday, January 4, 2027, at 9:00 AM CST."),
        ("held", {}, "Nothing launches until the operator releases this drop. 5 rows need fixing."),
        ("rejected", {},
         "Nothing was registered: 4 errors in the manifest or files must be fixed first. "
         "5 rows also need fixing."),
        ("unreadable", {}, "Nothing was registered because the manifest could not be read."),
        ("dry_run", {}, "9 of 10 rows are valid. 1 row needs fixing."),
        ("dry_run", {"counts": NONE}, "No row is valid. 46 rows need fixing."),
    ],
)  # fmt: skip
def test_headline(sample, changes, sentence):
    assert headline_of(getattr(samples, sample)(), **changes) == sentence


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (NONE, "Nothing was registered: all 46 rows were rejected."),
        (SOME, "Nothing was registered: 46 of 1,200 rows have errors, more than this drop allows."),
        (Counts(), "Nothing was registered: there were no rows."),
    ],
)
def test_headline_of_a_drop_rejected_for_its_rows(counts, sentence):
    view = samples.held()
    assert headline_of(replace(view, judgment=replace(view.judgment, verdict="rejected")), counts=counts) == sentence


def test_headline_of_a_canceled_program():
    view = samples.accepted()
    manifest = replace(view.judgment.manifest, state="cancelled")
    judgment = replace(view.judgment, manifest=manifest, counts=Counts())
    assert headline_sentences(replace(view, judgment=judgment)) == [
        "The program is canceled, and its numbers are available again."
    ]


def test_next_steps_name_the_files_and_the_logo():
    view = samples.with_rejections()
    manifest = replace(view.judgment.manifest, logo="<acme>.svg")
    first, second = next_steps(replace(view, judgment=replace(view.judgment, manifest=manifest)))
    assert first == (
        'Correct the rows in <a href="rejected.csv">rejected.csv</a>. In 3 rows, enter the phone number: it is left '
        "out there, because a spreadsheet has changed it or would change it. "
        '<a href="rejections.csv">rejections.csv</a> has them as received.'
    )
    assert "and the logo &lt;acme&gt;.svg. You don’t need to send anything else again." in second


def test_rows_that_only_repeat_others_need_nothing():
    view = samples.with_rejections()
    judgment = replace(view.judgment, rows=replace(view.judgment.rows, repeated=view.judgment.counts.rejected))
    assert headline_sentences(replace(view, judgment=judgment))[1] == ("49 rows repeat earlier rows: nothing to do.")
    assert next_steps(replace(view, judgment=judgment)) == [
        "Nothing. The rejected rows repeat rows that are already in, so there is nothing to send again."
    ]


def test_a_drop_rejected_for_its_repeated_rows_is_corrected_by_deleting_them():
    view = samples.with_rejections()
    judgment = replace(view.judgment, verdict="rejected", rows=replace(view.judgment.rows, repeated=49))
    first, _ = next_steps(replace(view, judgment=judgment))
    assert first == (
        'Delete the rows in your own file that repeat earlier rows. <a href="rejections.csv">rejections.csv</a> lists '
        "them."
    )
