"""The lifecycle: which moves a program's revision, its branding and its numbers may make, and why.

The table is the whole truth: a move that is not in it is a fault of the caller. The ledger applies moves with
compare-and-set and keeps each one with its time, its cause and who asked for it.
"""

from typing import Final, Literal

State = Literal["scheduled", "launching", "live", "ended", "cancelled", "superseded", "missed", "launch_failed"]
Branding = Literal["none", "in_review", "approved", "rejected"]
NumberState = Literal["pending", "live", "refused", "removed", "reassigned"]

#: From, to, and what it means. None is where a revision comes from.
MOVES: Final[dict[tuple[State | None, State], str]] = {
    (None, "scheduled"): "its submission was accepted or released",
    ("scheduled", "launching"): "its start has come and a launcher has claimed it",
    ("scheduled", "superseded"): "a newer revision came before its launch",
    ("scheduled", "cancelled"): "the business cancelled the program before its launch",
    ("scheduled", "missed"): "it was not launched within the launch deadline, or its end came first",
    ("scheduled", "launch_failed"): "its display name was rejected and it was to wait for it",
    ("scheduled", "ended"): "the live program ended before this difference was sent",
    ("launching", "live"): "the carrier has it",
    ("launching", "launch_failed"): "the carrier would not take it",
    ("launching", "ended"): "its end came while it was being launched",
    ("live", "ended"): "its end came, or the business cancelled it",
    ("live", "superseded"): "a newer revision of the program is live",
    ("missed", "scheduled"): "the operator retries it",
    ("missed", "superseded"): "a newer revision came",
    ("missed", "cancelled"): "the business cancelled the program",
    ("launch_failed", "scheduled"): "the operator retries it",
    ("launch_failed", "superseded"): "a newer revision came",
    ("launch_failed", "cancelled"): "the business cancelled the program before anything reached the carrier",
    ("launch_failed", "ended"): "its end came, or the business cancelled it",
}

#: A program in one of these takes no revision.
FINAL: Final[frozenset[State]] = frozenset({"ended", "cancelled"})

#: What an operator may retry.
RETRIED: Final[frozenset[State]] = frozenset({"missed", "launch_failed"})

#: What a newer revision takes the place of at once; a live one is superseded only when the newer one is live.
REPLACED: Final[frozenset[State]] = frozenset({"scheduled", "missed", "launch_failed"})


def allowed(before: State | None, after: State) -> bool:
    """Whether a revision may move from `before` (None: it does not exist yet) to `after`."""
    return (before, after) in MOVES


def branding(assets: tuple[Branding, ...]) -> Branding:
    """A program's branding from the review states of what it shows (its display name, its logo; nothing: "none")."""
    for state in ("rejected", "in_review"):
        if state in assets:
            return state
    return "approved" if "approved" in assets else "none"
