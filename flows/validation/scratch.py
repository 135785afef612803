"""Places for rows under judgment: in memory while they are few, in temporary files when they are many."""

import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

from flows.errors import LaunchdropError

#: Of each place. A long submission has hundreds of them (`schemas.rows.judging.cross_row_checks`).
IN_MEMORY = 1 << 18

OpenSpillFile = Callable[[], BinaryIO]


@contextmanager
def spill_files() -> Iterator[OpenSpillFile]:
    """Yields a function that opens a new spill file; all are deleted at the end. LaunchdropError: the disk is full."""
    with ExitStack() as stack:
        try:
            yield lambda: cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)))
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise LaunchdropError(
                f"no room for temporary files in {tempfile.gettempdir()}: free some space there"
            ) from e
