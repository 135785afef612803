"""Things put aside while a submission is judged, in a temporary file or in memory, and read back in order."""

import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

#: Makes an empty binary file that is gone when it is closed: `io.BytesIO`, or a temporary file.
OpenSpillFile = Callable[[], BinaryIO]

_LENGTH = struct.Struct("<q")


class SpillFile:
    """Pieces of bytes in the order in which they were put. Can be read many times, also while it is being read."""

    def __init__(self, spool: OpenSpillFile) -> None:
        self._file = spool()
        self._end = 0

    def put(self, *parts: bytes | memoryview) -> None:
        """Add the parts as one piece."""
        sizes = [len(part) for part in parts]
        self._file.seek(self._end)
        self._file.write(_LENGTH.pack(sum(sizes)))
        for part in parts:
            self._file.write(part)
        self._end += _LENGTH.size + sum(sizes)

    def put_arrays(self, *arrays: NDArray[Any]) -> None:
        """Add one piece for each array."""
        for array in arrays:
            self.put(np.ascontiguousarray(array).data.cast("B") if array.size else b"")

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        while at < self._end:
            self._file.seek(at)
            (size,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            yield self._file.read(size)
            at += _LENGTH.size + size

    def close(self) -> None:
        """Let the file go; it is empty from now on."""
        self._end = 0
        self._file.close()


class SpillBuckets:
    """Numbers sorted into files by a key, so that those with the same key are read back together, in order."""

    def __init__(self, spool: OpenSpillFile, count: int) -> None:
        self._shelves = [SpillFile(spool) for _ in range(count)]

    def __len__(self) -> int:
        return len(self._shelves)

    def put(self, drawer: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Add each value to its drawer."""
        if len(self) == 1:
            self._shelves[0].put_arrays(values)
            return
        order = np.argsort(drawer.astype(np.uint16), kind="stable")  # of 16 bits, for numpy's radix sort
        ends = np.cumsum(np.bincount(drawer, minlength=len(self)))
        for shelf, part in zip(self._shelves, np.split(values[order], ends[:-1]), strict=True):
            if part.size:
                shelf.put_arrays(part)

    def read(self, drawer: int, dtype: np.dtype[Any] | type, most: int) -> Iterator[NDArray[Any]]:
        """A drawer's values in the order they came, about `most` at a time."""
        waiting: list[NDArray[Any]] = []
        for piece in self._shelves[drawer]:
            waiting.append(np.frombuffer(piece, dtype=dtype))
            if sum(map(len, waiting)) >= most:
                yield np.concatenate(waiting)
                waiting = []
        if waiting:
            yield np.concatenate(waiting)

    def close(self) -> None:
        """Let all files go."""
        for shelf in self._shelves:
            shelf.close()
