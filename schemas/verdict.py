"""The verdict, from what was found and what the manifest asks for in that case."""

from dataclasses import dataclass

from schemas.model.judgment import Counts, Verdict
from schemas.model.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict, and what the findings alone do not tell of a submission that is held or rejected."""

    verdict: Verdict
    held_because: tuple[str, ...] = ()
    rejected_because: tuple[str, ...] = ()


def decide(
    manifest: Manifest, counts: Counts, *, has_errors: bool, has_rows: bool, removes_many: bool = False
) -> Decision:
    """The verdict of a manifest that could be read.

    `has_errors`: an error was found that is not about single rows. `has_rows`: the submission has rows to be judged; a
    later revision may have none. `removes_many`: MAN-019.
    """
    rejected: tuple[str, ...] = ()
    if has_rows and not counts.accepted:
        rejected += ("no row was accepted",)
    if counts.rejected and manifest.on_rejected_rows == "reject":
        rejected += ("rows were rejected, and on_rejected_rows is reject",)
    if has_errors or rejected:
        return Decision(verdict="rejected", rejected_because=rejected)
    held: tuple[str, ...] = ()
    if counts.rejected and manifest.on_rejected_rows == "hold":
        held += ("rows were rejected, and on_rejected_rows is hold",)
    if removes_many:
        held += ("replacing would remove many of the live numbers",)
    if held:
        return Decision(verdict="held", held_because=held)
    return Decision(verdict="accepted_with_rejections" if counts.rejected else "accepted")
