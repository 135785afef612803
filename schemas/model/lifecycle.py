"""The lifecycle of a program's revision: its states, and which transitions between them are allowed.

A transition that is not in the table is a bug in the caller. The ledger makes each transition with compare-and-set, and
records its time, its cause and who asked for it.
"""

from typing import Final, Literal

RevisionState = Literal["scheduled", "launching", "live", "ended", "cancelled", "superseded", "missed", "launch_failed"]
BrandingState = Literal["none", "in_review", "approved", "rejected"]

#: (from, to), and when it happens. From None means that the revision is created.
TRANSITIONS: Final[dict[tuple[RevisionState | None, RevisionState], str]] = {
    (None, "scheduled"): "the submission was accepted or released",
    ("scheduled", "launching"): "the start has come, and a launcher has claimed the revision",
    ("scheduled", "superseded"): "a newer revision came before the launch",
    ("scheduled", "cancelled"): "the business canceled the program before the launch",
    ("scheduled", "missed"): "the launch deadline passed, or the end came before the launch",
    ("scheduled", "launch_failed"): "the display name that the launch was waiting for was rejected",
    ("scheduled", "ended"): "the live program ended before this change was sent",
    ("launching", "live"): "the carrier has all of it",
    ("launching", "launch_failed"): "the carrier refused it",
    ("launching", "ended"): "the end came during the launch",
    ("live", "ended"): "the end came, or the business canceled the program",
    ("live", "superseded"): "a newer revision of the program is live",
    ("missed", "scheduled"): "the operator retried the launch",
    ("missed", "superseded"): "a newer revision came",
    ("missed", "cancelled"): "the business canceled the program",
    ("launch_failed", "scheduled"): "the operator retried the launch",
    ("launch_failed", "superseded"): "a newer revision came",
    ("launch_failed", "cancelled"): "the business canceled the program before anything reached the carrier",
    ("launch_failed", "ended"): "the end came, or the business canceled the program",
}

#: A program in one of these states accepts no more revisions.
FINAL_STATES: Final[frozenset[RevisionState]] = frozenset({"ended", "cancelled"})

#: A newer revision supersedes one in these states at once. A live one is superseded when the newer one goes live.
REPLACEABLE_STATES: Final[frozenset[RevisionState]] = frozenset({"scheduled", "missed", "launch_failed"})


def is_transition_allowed(before: RevisionState | None, after: RevisionState) -> bool:
    """Whether a revision can go from `before` (None: not created yet) to `after`."""
    return (before, after) in TRANSITIONS


def combine_branding(assets: tuple[BrandingState, ...]) -> BrandingState:
    """A program's branding, from the review states of its display name and its logo. Without either it is "none"."""
    for state in ("rejected", "in_review"):
        if state in assets:
            return state
    return "approved" if "approved" in assets else "none"
