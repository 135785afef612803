"""Where a row is, by its ordinal among the records of all files."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.rows.types import Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlaces:
    """The files in order, and the number of records in each."""

    files: Sequence[str]
    sizes: Sequence[int]

    def locate(self, ordinals: Integers) -> tuple[pa.Array, Integers]:
        """The file (pyarrow strings) and the row of each ordinal."""
        ends: Integers = np.cumsum(self.sizes)
        begins: Integers = ends - np.array(self.sizes, dtype=np.int64)
        file = np.searchsorted(ends, ordinals, side="right")
        return pa.array(self.files).take(pa.array(file)), ordinals - begins[file] + 1
