"""What of a business's submissions is at rest: no longer in force, held or waiting, and since when."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from flows.ledger.core.tables import program, receipt, revision, submission
from flows.ledger.intake.drops import TakenVersions, drop, load_taken_versions
from schemas.model.lifecycle import FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRetention:
    """A submission: its id, the name its bytes are archived under, and since when it is at rest; None: it is not."""

    id: str
    kept_as: str
    since: datetime | None


def list_submission_retention(conn: Connection, business: str) -> list[SubmissionRetention]:
    """Every submission of a business.

    One that was accepted rests when its program is over, and nothing of it is at the carrier any more; until then all
    of a program's submissions are in force, as each may have added numbers. One that was not accepted rests at once.
    """
    same = and_(program.c.business == submission.c.business, program.c.reference == submission.c.reference)
    query = (
        select(submission, program.c.ends_at, program.c.cancelled_at, program.c.at_carrier)
        .add_columns(revision.c.state)
        .outerjoin(program, same)
        .outerjoin(revision, revision.c.id == program.c.revision)
        .where(submission.c.business == business)
        .order_by(submission.c.seq)
    )
    found = []
    for row in conn.execute(query):
        times = [row.judged_at, row.decided_at]
        accepted = row.standing == "registered"
        if accepted:
            times += [row.cancelled_at or row.ends_at]
        forced = row.standing in ("held", "waiting") or (accepted and (row.state not in FINAL or row.at_carrier))
        since = None if forced else max(time for time in times if time is not None)
        found.append(SubmissionRetention(id=row.id, kept_as=row.archive.strip("/").rpartition("/")[2], since=since))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenDrop:
    """A drop that was taken, as which submission and when it was last acknowledged; and what exactly was taken."""

    name: str
    submission: str
    at: datetime
    taken: TakenVersions


def list_taken_drops(conn: Connection, business: str, *, before: datetime) -> list[TakenDrop]:
    """The drops of a business that were taken before then, and in which nothing new was seen since."""
    same = and_(receipt.c.business == drop.c.business, receipt.c.drop == drop.c.name)
    query = select(drop.c.name, drop.c.taken, receipt.c.submission, receipt.c.at).join(receipt, same)
    quiet = drop.c.business == business, drop.c.taken.is_not(None), drop.c.pending.is_(None), receipt.c.at < before
    return [
        TakenDrop(name=row.name, submission=row.submission, at=row.at, taken=load_taken_versions(row.taken))
        for row in conn.execute(query.where(*quiet).order_by(drop.c.name))
    ]
