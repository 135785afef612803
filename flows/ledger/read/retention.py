"""Which submissions and drops are no longer in use, and since when, so that their files may be deleted."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from flows.ledger.core.tables import drop, program, receipt, revision, submission
from flows.ledger.intake.drops import TakenVersions, load_taken_versions
from schemas.model.lifecycle import FINAL_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRetention:
    """A submission's id, the folder with its bytes in the archive, and since when it is not in use; None if it is."""

    id: str
    archive_folder: str
    since: datetime | None


def list_submission_retention(conn: Connection, business: str) -> list[SubmissionRetention]:
    """All submissions of a business.

    An accepted one is in use until its program is over and the carrier has nothing of it. Until then all accepted
    submissions for a program are in use, because each may have added numbers. One that is held or waiting is in use,
    and so is the newest one for a program that is not over, because the next one is compared with it. Any other is not.
    """
    same_program = and_(program.c.business == submission.c.business, program.c.reference == submission.c.reference)
    query = (
        select(submission, program.c.ends_at, program.c.cancelled_at, program.c.at_carrier)
        .add_columns(revision.c.state)
        .outerjoin(program, same_program)
        .outerjoin(revision, revision.c.id == program.c.revision)
        .where(submission.c.business == business)
        .order_by(submission.c.seq)
    )
    found = []
    rows = conn.execute(query).all()
    newest = {row.reference: row.seq for row in rows}
    for row in rows:
        times = [row.judged_at, row.decided_at]
        accepted = row.standing == "registered"
        if accepted:
            times.append(row.cancelled_at or row.ends_at)
        is_over = row.state in FINAL_STATES and not row.at_carrier
        is_compared = row.state is not None and not is_over and newest[row.reference] == row.seq
        in_use = (accepted and not is_over) or is_compared or row.standing in ("held", "waiting")
        since = None if in_use else max(time for time in times if time is not None)
        folder = row.archive.strip("/").rpartition("/")[2]
        found.append(SubmissionRetention(id=row.id, archive_folder=folder, since=since))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenDrop:
    """A drop that was taken: its last submission, when it was acknowledged, and the versions of its files."""

    name: str
    submission: str
    at: datetime
    taken: TakenVersions


def list_taken_drops(conn: Connection, business: str, *, before: datetime) -> list[TakenDrop]:
    """The drops of a business that were acknowledged before this time and have nothing new since."""
    same_drop = and_(receipt.c.business == drop.c.business, receipt.c.drop == drop.c.name)
    query = select(drop.c.name, drop.c.taken, receipt.c.submission, receipt.c.at).join(receipt, same_drop)
    unused = drop.c.business == business, drop.c.taken.is_not(None), drop.c.pending.is_(None), receipt.c.at < before
    return [
        TakenDrop(name=row.name, submission=row.submission, at=row.at, taken=load_taken_versions(row.taken))
        for row in conn.execute(query.where(*unused).order_by(drop.c.name))
    ]
