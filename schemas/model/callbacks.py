"""The functions that callers hand to the judge."""

from collections.abc import Callable
from typing import BinaryIO

#: Called as the numbers files are read, with the bytes read so far and the bytes in total. The total may grow.
Progress = Callable[[int, int], None]
#: Opens an empty binary file that disappears when it is closed: `io.BytesIO`, or a temporary file.
OpenSpillFile = Callable[[], BinaryIO]
