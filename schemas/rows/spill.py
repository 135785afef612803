"""Temporary files that hold intermediate results while a submission is judged, so that memory does not grow with it."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.callbacks import OpenSpillFile

_LENGTH = struct.Struct("<q")


class SpillFile:
    """Byte strings in the order in which they were added. Several readers can iterate over it at the same time."""

    def __init__(self, open_spill: OpenSpillFile) -> None:
        self._file = open_spill()
        self._end = 0

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        return self._end

    def put(self, *parts: bytes | memoryview) -> None:
        """Add one byte string: the parts, joined."""
        sizes = [len(part) for part in parts]
        self._file.seek(self._end)
        self._file.write(_LENGTH.pack(sum(sizes)))
        for part in parts:
            self._file.write(part)
        self._end += _LENGTH.size + sum(sizes)

    def put_arrays(self, *arrays: NDArray[Any]) -> None:
        """Add one byte string per array."""
        for array in arrays:
            self.put(np.ascontiguousarray(array).data.cast("B") if array.size else b"")

    def __iter__(self) -> Iterator[bytes]:
        offset = 0
        while offset < self._end:
            self._file.seek(offset)
            (size,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            yield self._file.read(size)
            offset += _LENGTH.size + size

    def close(self) -> None:
        """Close the file. Its content is gone."""
        self._end = 0
        self._file.close()


class SpillBuckets:
    """Array values partitioned into spill files by a key: a bucket is read back in the order in which it was filled."""

    def __init__(self, open_spill: OpenSpillFile, count: int) -> None:
        self._files = [SpillFile(open_spill) for _ in range(count)]

    def __len__(self) -> int:
        return len(self._files)

    def put(self, buckets: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Add `values[i]` to bucket `buckets[i]`."""
        if len(self) == 1:
            self._files[0].put_arrays(values)
            return
        order = np.argsort(buckets.astype(np.uint16), kind="stable")  # 16 bits, so that numpy uses its radix sort
        ends = np.cumsum(np.bincount(buckets, minlength=len(self)))
        for file, part in zip(self._files, np.split(values[order], ends[:-1]), strict=True):
            if part.size:
                file.put_arrays(part)

    def read(self, bucket: int, dtype: np.dtype[Any] | type, batch_size: int) -> Iterator[NDArray[Any]]:
        """One bucket's values, in arrays of at least `batch_size` values except for the last."""
        waiting: list[NDArray[Any]] = []
        for piece in self._files[bucket]:
            waiting.append(np.frombuffer(piece, dtype=dtype))
            if sum(map(len, waiting)) >= batch_size:
                yield np.concatenate(waiting)
                waiting = []
        if waiting:
            yield np.concatenate(waiting)

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()
