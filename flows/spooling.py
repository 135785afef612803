"""Places for rows under judgement: in memory while they are few, in temporary files when they are many."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

#: Of each place. A long submission has hundreds of them (`schemas.duplicates`).
IN_MEMORY = 1 << 18

Spool = Callable[[], BinaryIO]


@contextmanager
def spools() -> Iterator[Spool]:
    """Gives as many as are asked for; all are gone after the block."""
    with ExitStack() as stack:
        yield lambda: cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)))
