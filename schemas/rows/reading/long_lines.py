"""Whole physical lines, none too long to hold: what goes on beyond `MAX_LINE_BYTES` bytes is set aside."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

#: Bytes of a physical line, and of a quoted cell, that are looked at. Nothing sensible in two columns is as long; with
#: it 500 records always fit in memory.
MAX_LINE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTail:
    """What was cut off a line: `length` bytes at `offset` in the tails. `marked`: a NUL stands where it was."""

    offset: int
    length: int
    marked: bool


@dataclass(slots=True)
class LineSplitter:
    """Text blocks as buffers of whole lines, each line ending in LF.

    A longer line is cut to its head. A NUL is put in the tail's place, which breaks the record, unless the head has
    more than two columns anyway. `cuts` tells, by the line's offset in what was given, where in `tails` the rest was
    put; without `tails` it is dropped. `any_cut`: from some line on, what is given is shorter than what there is.
    """

    tails: BinaryIO | None = None
    cuts: dict[int, CutTail] = field(default_factory=dict)
    any_cut: bool = False
    _given: int = 0
    _tail: int = 0
    _pending: tuple[int, int, bool] | None = None  # a tail under way: the line's offset, the tail's, marked

    def of(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks' text again, as buffers of whole lines. Memory: one block and one line."""
        carry = b""
        ready: list[bytes] = []
        for block in blocks:
            if self._pending is not None:
                block = self._go_on(block)
            whole, carry = self._split(carry + block)
            if whole:
                self._given += len(whole)
                ready.append(whole)
            if self._pending is None:  # a cut line is given when all of its tail is put aside
                yield from ready
                ready = []
        if self._pending is not None:
            self._end_tail()
        yield from ready
        if carry:
            yield carry + b"\n"

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        """The whole lines of data, long ones cut, and the beginning of a line that is left."""
        kept: list[bytes] = []
        begin = line = 0
        while len(data) - line > MAX_LINE_BYTES:
            newline = data.rfind(b"\n", line, line + MAX_LINE_BYTES + 1)
            if newline >= 0:
                line = newline + 1
                continue
            kept.append(data[begin:line])
            kept.append(self._cut(data, line, sum(map(len, kept))))
            rest = self._go_on(data[line + len(kept[-1].rstrip(b"\0\n")) :])
            if self._pending is not None:
                return b"".join(kept), b""
            data, begin, line = rest, 0, 0
        end = data.rfind(b"\n") + 1
        return b"".join([*kept, data[begin:end]]), data[end:]

    def _cut(self, data: bytes, line: int, before: int) -> bytes:
        end = line + MAX_LINE_BYTES
        while data[end] & 0xC0 == 0x80:  # not inside a character
            end -= 1
        head = data[line:end].rstrip(b"\0")
        marked = b'"' in head or head.count(b",") < 2
        self._pending = (self._given + before, self._tail, marked)
        self.any_cut = True
        return head + (b"\0\n" if marked else b"\n")

    def _go_on(self, block: bytes) -> bytes:
        """Put the block's part of the tail under way aside; what comes after it is given back."""
        newline = block.find(b"\n")
        tail = block if newline < 0 else block[:newline]
        if self.tails is not None:
            self.tails.write(tail)
        self._tail += len(tail)
        if newline < 0:
            return b""
        self._end_tail()
        return block[newline + 1 :]

    def _end_tail(self) -> None:
        assert self._pending is not None
        line, tail, marked = self._pending
        self._pending = None
        if self.tails is not None:
            self.cuts[line] = CutTail(offset=tail, length=self._tail - tail, marked=marked)
