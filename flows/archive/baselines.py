"""Which rejections are fixed since last time: prints of the rejected rows, kept beside each submission."""

import numpy as np

from flows.ledger.core.engine import Connection
from flows.ledger.read.page_queries import history_before, submission_of
from flows.stores import FileSink, Store, read_object
from reports.views import BaselineComparison
from schemas.model.judgment import Judgment
from schemas.rows.rejection_diff import Prints, compare, fingerprints

NAME = "rejected.prints"


def keep(archive: FileSink, business: str, submission: str, judgment: Judgment) -> None:
    """Put the prints of the rejected rows beside the submission's bytes."""
    prints = fingerprints(judgment.numbers.rejections()) if judgment.counts.rejected else np.empty(0, np.uint64)
    archive.put(_key(business, submission), prints.astype("<u8").tobytes())


def against_last_time(conn: Connection, archive: Store, business: str, submission: str) -> BaselineComparison | None:
    """This submission's rejections against those of the one before it for the same program; None: there is none."""
    row = submission_of(conn, submission, business)
    for earlier in history_before(conn, row, limit=1):
        before, now = (_prints(archive, row.business, name) for name in (earlier.id, submission))
        if before is not None and now is not None and (len(before) or len(now)):
            found = compare(before, now)
            return BaselineComparison(submission=earlier.id, fixed=found.fixed, remaining=found.remaining, new=found.new)
    return None


def _prints(archive: Store, business: str, submission: str) -> Prints | None:
    kept = read_object(archive, _key(business, submission))
    return None if kept is None else np.frombuffer(kept, dtype="<u8").astype(np.uint64)


def _key(business: str, submission: str) -> str:
    return f"{business}/{submission}/{NAME}"
