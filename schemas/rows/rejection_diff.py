"""Rejections against those of an earlier submission. A row is the same by its content, not by its position."""

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
    """Rejected rows: of the earlier ones that are rejected no more, of both, and of this one alone."""

    fixed: int
    remaining: int
    new: int


def fingerprint_rejections(rejections: "Iterable[pa.RecordBatch]") -> Fingerprints:
    """One print a rejected row, of its two cells as received; takes lines of rejections.csv, several a row at most."""
    found = [_prints(batch) for batch in rejections]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def compare_rejections(before: Fingerprints, now: Fingerprints) -> RejectionDiff:
    """Each row counts, also where several have the same content."""
    contents, places = np.unique(np.concatenate([before, now]), return_inverse=True)
    then = np.bincount(places[: len(before)], minlength=len(contents))
    today = np.bincount(places[len(before) :], minlength=len(contents))
    remaining = int(np.minimum(then, today).sum())
    return RejectionDiff(fixed=len(before) - remaining, remaining=remaining, new=len(now) - remaining)


def _prints(batch: "pa.RecordBatch") -> Fingerprints:
    import pandas as pd
    import pyarrow.compute as pc

    lines = batch.select(["file", "row", "phone_number", "call_purpose"])
    lines = lines.filter(pc.equal(batch.column("severity"), "error"))
    cells = lines.to_pandas().drop_duplicates(["file", "row"])[["phone_number", "call_purpose"]].astype(str)
    return np.asarray(pd.util.hash_pandas_object(cells, index=False, categorize=False), dtype=np.uint64)
