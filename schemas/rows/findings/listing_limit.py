"""How much of the findings rejections.csv lists. A few bytes of a row can be a long line there."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.model.judgment import REJECTION_COLUMNS
from schemas.rows.types import Integers

#: rejections.csv is at most so many times as large as the numbers files, or has so many bytes if that is more. With the
#: other files of the drop, all reports are less than 50 times as large, or 100 MB.
TIMES_AS_LARGE = 40
BYTES_OF_ANY = 80_000_000

#: Cells with received text. In quotes and with apostrophes, each character may take two bytes more.
_RECEIVED = frozenset(("file", "phone_number", "call_purpose", "message", "suggestion"))
#: Commas, quotes, a line end, and up to three numbers of 19 digits.
_OTHER_BYTES = 3 * 19 + 3 * len(REJECTION_COLUMNS)


@dataclass(slots=True)
class ListingLimit:
    """Counts the lines that are too many. `left` is how many bytes rejections.csv may still have after those listed."""

    left: int
    listed_bytes: int = 0
    unlisted: int = 0

    @classmethod
    def for_bytes(cls, size: int) -> "ListingLimit":
        """The limit for numbers files of this size together."""
        return cls(left=max(TIMES_AS_LARGE * size, BYTES_OF_ANY))

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the next lines."""
        ends = np.cumsum(_most_bytes(batch))
        listed = 0 if self.unlisted else int(np.searchsorted(ends, self.left, side="right"))
        size = int(ends[listed - 1]) if listed else 0
        self.left, self.listed_bytes = self.left - size, self.listed_bytes + size
        self.unlisted += batch.num_rows - listed


def _most_bytes(batch: pa.RecordBatch) -> Integers:
    """At most how many bytes each line takes."""
    sizes = np.full(batch.num_rows, _OTHER_BYTES)
    for name in REJECTION_COLUMNS:
        if pa.types.is_string(batch[name].type):
            size = pc.fill_null(pc.binary_length(batch[name]), 0).to_numpy()
            sizes += 3 * size if name in _RECEIVED else size
    return sizes
