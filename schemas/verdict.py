"""The verdict on a submission, from its counts, its errors and the manifest's options."""

from dataclasses import dataclass

from schemas.model.judgment import Counts, Verdict
from schemas.model.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictWithReasons:
    """A verdict. If it is `held`, `held_because` has the reasons."""

    verdict: Verdict
    held_because: tuple[str, ...] = ()


def decide_verdict(
    manifest: Manifest, counts: Counts, *, has_errors: bool, has_rows: bool, removes_many: bool = False
) -> VerdictWithReasons:
    """The verdict on a submission whose manifest could be read.

    `has_errors`: there is an error that is not about a single row. `has_rows`: there were rows to judge; a later
    revision may have none. `removes_many`: MAN-019 was found.
    """
    no_row_accepted = has_rows and not counts.accepted
    if has_errors or no_row_accepted or (counts.rejected and manifest.on_rejected_rows == "reject"):
        return VerdictWithReasons(verdict="rejected")
    held_because: tuple[str, ...] = ()
    if counts.rejected and manifest.on_rejected_rows == "hold":
        held_because += ("rows were rejected, and on_rejected_rows is hold",)
    if removes_many:
        held_because += ("replacing would remove many of the live numbers",)
    if held_because:
        return VerdictWithReasons(verdict="held", held_because=held_because)
    return VerdictWithReasons(verdict="accepted_with_rejections" if counts.rejected else "accepted")
