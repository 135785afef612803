"""Compares a submission's rejected rows with an earlier one's. Rows are equal by content, not by position."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Fingerprints = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionDiff:
    """Numbers of rejected rows: `fixed` only in the earlier submission, `remaining` in both, `new` only in this one."""

    fixed: int
    remaining: int
    new: int


def fingerprint_rejections(rejections: "Iterable[pa.RecordBatch]") -> Fingerprints:
    """One fingerprint per rejected row, of its two cells as received. A batch has the columns of rejections.csv."""
    found = [_fingerprint_batch(batch) for batch in rejections]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def compare_rejections(before: Fingerprints, now: Fingerprints) -> RejectionDiff:
    """Compare two submissions. Each row counts, even if several have the same content."""
    contents, indexes = np.unique(np.concatenate([before, now]), return_inverse=True)
    count_before = np.bincount(indexes[: len(before)], minlength=len(contents))
    count_now = np.bincount(indexes[len(before) :], minlength=len(contents))
    remaining = int(np.minimum(count_before, count_now).sum())
    return RejectionDiff(fixed=len(before) - remaining, remaining=remaining, new=len(now) - remaining)


def _fingerprint_batch(batch: "pa.RecordBatch") -> Fingerprints:
    # Only here, because they are slow to import and most submissions have no rejected rows.
    import pandas as pd
    import pyarrow.compute as pc

    lines = batch.select(["file", "row", "phone_number", "call_purpose"])
    lines = lines.filter(pc.equal(batch.column("severity"), "error"))
    cells = lines.to_pandas().drop_duplicates(["file", "row"])[["phone_number", "call_purpose"]].astype(str)
    return np.asarray(pd.util.hash_pandas_object(cells, index=False, categorize=False), dtype=np.uint64)
