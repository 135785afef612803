"""The verdict, for every combination of its inputs."""

import pytest

from schemas.model.judgment import Counts
from schemas.model.manifest import Manifest
from schemas.verdict import decide_verdict

ALL = Counts(read=4, accepted=3, ignored=1)
SOME = Counts(read=4, accepted=2, rejected=1, ignored=1)
NONE = Counts(read=4, rejected=3, ignored=1)


@pytest.mark.parametrize(
    ("counts", "on_rejected_rows", "verdict"),
    [
        (ALL, "accept_valid", "accepted"),
        (ALL, "hold", "accepted"),
        (ALL, "reject", "accepted"),
        (SOME, "accept_valid", "accepted_with_rejections"),
        (SOME, "hold", "held"),
        (SOME, "reject", "rejected"),
        (NONE, "accept_valid", "rejected"),
        (NONE, "hold", "rejected"),
        (NONE, "reject", "rejected"),
        (Counts(read=2, ignored=2), "accept_valid", "rejected"),
        (Counts(), "accept_valid", "rejected"),
    ],
)
def test_the_verdict_by_rejected_rows(counts, on_rejected_rows, verdict):
    manifest = Manifest(on_rejected_rows=on_rejected_rows)
    assert decide_verdict(manifest, counts, has_errors=False, has_rows=True).verdict == verdict
    assert decide_verdict(manifest, counts, has_errors=True, has_rows=True).verdict == "rejected"


def test_a_revision_without_rows_is_accepted():
    assert decide_verdict(Manifest(), Counts(), has_errors=False, has_rows=False).verdict == "accepted"


def test_removing_many_numbers_holds_a_submission_that_would_be_accepted():
    held = decide_verdict(Manifest(), ALL, has_errors=False, has_rows=True, removes_many=True)
    assert (held.verdict, held.held_because) == ("held", ("replacing would remove many of the live numbers",))
    assert decide_verdict(Manifest(), NONE, has_errors=False, has_rows=True, removes_many=True).verdict == "rejected"


def test_a_held_verdict_has_all_reasons():
    held = decide_verdict(Manifest(on_rejected_rows="hold"), SOME, has_errors=False, has_rows=True, removes_many=True)
    assert held.held_because == (
        "rows were rejected, and on_rejected_rows is hold",
        "replacing would remove many of the live numbers",
    )
