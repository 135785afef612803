"""A place for rows under judgement: in memory while they are few, in a temporary file when they are many."""

import tempfile
from typing import BinaryIO, cast

IN_MEMORY = 16 << 20


def spool() -> BinaryIO:
    """A fresh one; gone when it is closed."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))
