"""Where a row is, by its ordinal among the records of all files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from schemas.rows.types import Integers


@dataclass(frozen=True, kw_only=True)
class RowPlaces:
    """The files in order, and the number of records in each."""

    files: Sequence[str]
    sizes: Sequence[int]

    def locate(self, ordinals: Integers) -> tuple[pa.Array, Integers]:
        """The file (pyarrow strings) and the row of each ordinal."""
        file = np.searchsorted(self._ends, ordinals, side="right")
        return self._names.take(pa.array(file)), ordinals - self._begins[file] + 1

    # Once, not for each block: there may be thousands of files.

    @cached_property
    def _names(self) -> pa.Array:
        return pa.array(self.files)

    @cached_property
    def _ends(self) -> Integers:
        return np.cumsum(self.sizes)

    @cached_property
    def _begins(self) -> Integers:
        begins: Integers = self._ends - np.array(self.sizes, dtype=np.int64)
        return begins
