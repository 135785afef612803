"""Spill files: where judging keeps rows. Small ones stay in memory, large ones become temporary files."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

from flows.errors import LaunchdropError
from schemas.model.callbacks import OpenSpillFile

#: Bytes of one spill file that are kept in memory. A long submission has hundreds of files
#: (`schemas.rows.judging.cross_row_checks`).
BYTES_IN_MEMORY = 1 << 18


@contextmanager
def open_spill_files() -> Iterator[OpenSpillFile]:
    """Yields a function that opens a new spill file. All files are deleted at the end.

    Raises LaunchdropError if the block fails because the disk is full.
    """
    with ExitStack() as stack:
        try:
            yield lambda: cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=BYTES_IN_MEMORY)))
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise LaunchdropError(
                f"no room for temporary files in {tempfile.gettempdir()}: free some space there"
            ) from e
