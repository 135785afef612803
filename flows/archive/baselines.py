"""Baselines: fingerprints of each submission's rejected rows, to find out what the next submission has fixed."""

import numpy as np

from flows.ledger.core.engine import Connection
from flows.ledger.read.page_queries import get_submission, list_earlier_submissions
from flows.stores import FileSink, Store, read_object
from reports.views import BaselineComparison
from schemas.model.judgment import Judgment
from schemas.rows.rejection_diff import Fingerprints, compare_rejections, fingerprint_rejections

#: Spelled as in the first release, so that archived baselines are found.
FILE_NAME = "rejected.prints"
_LITTLE_ENDIAN = "<u8"


def save_baseline(archive: FileSink, business: str, submission: str, judgment: Judgment) -> None:
    """Save the fingerprints of the rejected rows next to the submission's files."""
    rejections = judgment.numbers.rejections() if judgment.counts.rejected else ()
    archive.put(_key(business, submission), fingerprint_rejections(rejections).astype(_LITTLE_ENDIAN).tobytes())


def compare_with_baseline(
    conn: Connection, archive: Store, business: str, submission: str
) -> BaselineComparison | None:
    """Compare a submission's rejections with those of the previous submission for the same program.

    None if there is no previous one, if neither has rejections, or if a baseline is no longer in the archive.
    """
    row = get_submission(conn, submission, business)
    for previous in list_earlier_submissions(conn, row, limit=1):
        before, now = (_load(archive, row.business, name) for name in (previous.id, submission))
        if before is not None and now is not None and (len(before) or len(now)):
            diff = compare_rejections(before, now)
            return BaselineComparison(submission=previous.id, fixed=diff.fixed, remaining=diff.remaining, new=diff.new)
    return None


def _load(archive: Store, business: str, submission: str) -> Fingerprints | None:
    content = read_object(archive, _key(business, submission))
    return None if content is None else np.frombuffer(content, dtype=_LITTLE_ENDIAN).astype(np.uint64)


def _key(business: str, submission: str) -> str:
    return f"{business}/{submission}/{FILE_NAME}"
