"""What is kept of a program's rejected rows: what the next drop has fixed, and numbers that a spreadsheet made up."""

import csv
import pickle

import pytest
from sqlalchemy import select

from flows.archive.submissions import open_archived_drop
from flows.ledger.core.errors import Outdated
from flows.ledger.core.tables import number
from flows.ledger.read.page_queries import list_submissions
from flows.registration.rerun import replay_submission, retake_submission
from flows.validation import open_rejections
from flows.validation.early_judgment import check_early_judgment, judge_early
from flows.validation.open_rejections import FILE_NAME
from flows.validation.spill_files import open_spill_files

A, B, C = "214-9020,Survey", "5012149021,Marketing", "call me,Survey"
GOOD, OTHER = "5012149030,Survey", "5012149031,Survey"
DAMAGED, HEALED = "5.01581E+09,Survey", "5015810000,Survey"


def take(world, drop, *rows, **changes):
    world.drop(f"acme-bank/{drop}", "".join(f"{row}\n" for row in rows), **changes)
    world.run()
    return world.report(f"acme-bank/{drop}")


def baseline(report):
    """(fixed, still open, left out, new)."""
    found = report["baseline"]
    return found and tuple(found[name] for name in ("fixed", "still_open", "left_out", "new"))


def rules(report):
    """The rules that rows break."""
    return [finding["rule"] for finding in report["findings"] if finding["row"]]


def registered(world):
    with world.services.ledger.read() as conn:
        return set(conn.execute(select(number.c.number).where(number.c.claimed)).scalars())


def rejections(world, report):
    folder = world.reports / "acme-bank" / report["submission"]["id"]
    with (folder / "rejections.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_first_submission_has_no_baseline(world):
    assert baseline(take(world, "a", A, GOOD)) is None


def test_rows_are_compared_by_content_and_not_by_position(world):
    first = take(world, "a", A, B, GOOD)
    second = take(world, "b", GOOD, "", C, "(501) 214-9021,  marketing")
    assert second["baseline"]["submission"] == first["submission"]["id"]
    assert baseline(second) == (0, 1, 1, 1)


@pytest.mark.parametrize(
    ("rejected", "corrected"),
    [
        ("5012149020 ext 4,Survey", "5012149020,Survey"),  # what was suggested
        ("5012149020,Zebra", "+1 501 214 9020,Survey"),  # the same digits
        ("5012149020 (old),Survey", "5012149020,Charity"),
        ("5012149020.0,Survey", "5012149020,Survey"),
        ("5012149020;Survey", "5012149020,Survey"),
        ("5.012149020E+09,Survey", "5012149020,Survey"),
    ],
)
def test_a_row_is_fixed_if_the_suggestion_or_its_digits_came_right(world, rejected, corrected):
    take(world, "a", rejected, GOOD)
    assert baseline(take(world, "b", corrected)) == (1, 0, 0, 0)


@pytest.mark.parametrize("corrected", ["5012149029,Survey", "5012140020,Survey"])
def test_another_number_proves_nothing(world, corrected):
    take(world, "a", "501214902,Survey", GOOD)
    assert baseline(take(world, "b", corrected)) == (0, 0, 1, 0)


def test_other_rows_in_a_drop_do_not_disturb(world):
    take(world, "a", A, B, C, GOOD)
    later = take(world, "b", OTHER, "5012149021,Survey", "5012149032,Survey", "7,Survey")
    assert baseline(later) == (1, 0, 2, 1)


def test_repeated_rows_are_neither_open_nor_sent_again(world):
    report = take(world, "a", GOOD, GOOD, "5012149030,Charity")
    folder = world.reports / "acme-bank" / report["submission"]["id"]
    assert (folder / "rejected.csv").read_text() == "5012149030,Charity\n"
    assert [row["rejected_row"] for row in rejections(world, report)] == ["", "1"]
    assert baseline(take(world, "b", OTHER, OTHER)) == (0, 0, 1, 0)


def test_nothing_is_sent_again_if_all_rejected_rows_are_already_in(world):
    report = take(world, "a", GOOD, GOOD)
    folder = world.reports / "acme-bank" / report["submission"]["id"]
    assert not {"rejected.csv", "program.yaml"} & {path.name for path in folder.iterdir()}
    assert "there is nothing to send again" in (folder / "report.html").read_text()


def test_what_was_left_out_stays_open_until_the_numbers_are_replaced(world):
    take(world, "a", A, B, GOOD)
    assert baseline(take(world, "b", OTHER)) == (0, 0, 2, 0)
    assert baseline(take(world, "c", "5012149021,Survey")) == (1, 0, 1, 0)
    assert baseline(take(world, "d", GOOD, C, numbers_mode="replace")) == (0, 0, 1, 1)
    assert baseline(take(world, "e", OTHER)) == (0, 0, 1, 0)


def test_rejected_and_held_submissions_are_compared_too(world):
    assert take(world, "a", A, A, B)["verdict"] == "rejected"
    held = take(world, "b", A, GOOD, on_rejected_rows="hold")
    assert (held["verdict"], baseline(held)) == ("held", (0, 1, 2, 0))
    assert baseline(take(world, "c", A, B, GOOD)) == (0, 2, 1, 0)


def test_two_submissions_without_rejections_are_not_compared(world):
    take(world, "a", GOOD)
    assert baseline(take(world, "b", OTHER)) is None


def test_a_submission_of_an_older_release_is_no_baseline(world):
    report = take(world, "a", A, GOOD)
    world.services.archive.delete(f"acme-bank/{report['submission']['id']}/{FILE_NAME}")
    assert baseline(take(world, "b", A, OTHER)) is None


def test_rejected_rows_that_come_back_unchanged_are_still_open(world):
    report = take(world, "a", DAMAGED, A, "+5012149040,Charity", GOOD)
    folder = world.reports / "acme-bank" / report["submission"]["id"]
    text = (folder / "rejected.csv").read_text()
    assert text == ",Survey\n214-9020,Survey\n,Charity\n"
    again = take(world, "b", *text.split("\n"))
    assert rules(again) == ["NUM-001", "NUM-004", "NUM-001"]
    assert baseline(again) == (0, 3, 0, 0)


@pytest.mark.parametrize("between", [[], [OTHER], ["call me,Survey"]])
@pytest.mark.parametrize("changes", [{}, {"numbers_mode": "replace"}, {"on_rejected_rows": "hold"}])
def test_a_number_that_a_spreadsheet_made_of_a_damaged_one_is_rejected(world, between, changes):
    take(world, "a", DAMAGED, GOOD)
    if between:
        take(world, "b", *between, **changes)
    report = take(world, "c", HEALED, "5012149033,Survey")
    assert rules(report) == ["NUM-025"]
    assert 5015810000 not in registered(world)


def test_damage_in_a_rejected_submission_is_remembered(world):
    assert take(world, "a", DAMAGED)["verdict"] == "rejected"
    assert rules(take(world, "b", HEALED, GOOD)) == ["NUM-025"]


def test_a_confirmed_number_repairs_one_damaged_row_and_stays_registered(world):
    take(world, "a", DAMAGED, DAMAGED, GOOD)
    report = take(world, "b", "+15015810000,Survey")
    assert (rules(report), baseline(report)) == ([], (1, 0, 1, 0))
    assert 5015810000 in registered(world)
    # It is in the program, so it comes again in any notation.
    assert rules(take(world, "c", HEALED, OTHER)) == []


def test_a_number_that_was_registered_before_is_not_suspect(world):
    take(world, "a", HEALED, GOOD)
    take(world, "b", DAMAGED, OTHER)
    report = take(world, "c", HEALED, GOOD)
    assert (rules(report), baseline(report)) == ([], (0, 0, 1, 0))


def test_the_numbers_of_another_program_are_not_suspect(world):
    take(world, "a", DAMAGED, GOOD)
    assert rules(take(world, "b", HEALED, OTHER, reference="other")) == []


def test_a_submission_is_not_compared_with_itself(world):
    report = take(world, "a", DAMAGED, HEALED, GOOD)
    assert rules(report) == ["NUM-003"]
    submission = report["submission"]["id"]
    assert replay_submission(world.services, submission) == []
    retaken = retake_submission(world.services, submission).registered.submission
    with world.services.ledger.read() as conn:
        assert {row.id: row.verdict for row in list_submissions(conn)}[retaken] == "accepted_with_rejections"


def test_a_drop_is_judged_again_if_another_of_its_program_was_registered_since(world, monkeypatch):
    """A retake by the operator, while the drop is judged."""
    first = take(world, "a", DAMAGED, GOOD)["submission"]["id"]
    read = open_rejections.read_previous_submission
    calls = []

    def read_and_retake(*args, **kwargs):
        found = read(*args, **kwargs)
        calls.append(found)
        if len(calls) == 1:
            world.clock.sleep(5)
            retake_submission(world.services, first)
        return found

    monkeypatch.setattr("flows.validation.drop.read_previous_submission", read_and_retake)
    report = take(world, "b", A, OTHER)
    assert report["baseline"]["submission"] != first


def test_an_early_judgment_does_not_hold_after_another_submission_for_the_program(world):
    first = take(world, "a", DAMAGED, GOOD)["submission"]["id"]
    drop = open_archived_drop(world.services.archive, "acme-bank", first)
    with open_spill_files() as open_spill:
        early = judge_early(
            world.services, drop, open_spill, lambda _: None, name="b", digest="0" * 64, submission="another"
        )
    early = pickle.loads(pickle.dumps(early))
    check_early_judgment(world.services, early)
    world.clock.sleep(5)
    retake_submission(world.services, first)
    with pytest.raises(Outdated):
        check_early_judgment(world.services, early)


def test_open_rejections_beyond_the_limit_are_counted(world, monkeypatch):
    monkeypatch.setattr("schemas.rows.open_rejections.MAX_OPEN_ROWS", 2)
    take(world, "a", A, B, C, "7,Survey", GOOD)
    report = take(world, "b", A, OTHER)
    assert (baseline(report), report["baseline"]["not_compared"]) == ((0, 1, 1, 0), 2)
