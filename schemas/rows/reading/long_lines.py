"""Splits text into whole physical lines of bounded length. A line's tail beyond `MAX_LINE_BYTES` is cut off."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

#: How many bytes of a physical line, or of a record with line ends in quotes, are read. Two columns never need more,
#: the blank rows of a spreadsheet's 16,384 columns just fit, and 500 records take little memory.
MAX_LINE_BYTES = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTail:
    """What was cut off a line: `length` bytes at `offset` in the tail file."""

    offset: int
    length: int


#: Ends the head of a cut line. The NUL byte makes its record a broken one.
CUT_LINE_END = b"\0\n"


@dataclass(slots=True)
class LineSplitter:
    """Turns pieces of text into buffers of whole lines, each line ending in LF.

    A longer line is cut to its head, with `CUT_LINE_END` in the tail's place. The tail is written to `tail_file`, and
    `tails` maps the line's offset in the output to it; without a `tail_file` the tail is dropped. Once `has_cut_lines`
    is true, the output is shorter than the input.
    """

    tail_file: BinaryIO | None = None
    tails: dict[int, CutTail] = field(default_factory=dict)
    has_cut_lines: bool = False
    _emitted: int = 0
    _tail_bytes: int = 0
    _pending: tuple[int, int] | None = None  # an unfinished tail: the line's offset, and the tail's

    def split(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the text as buffers of whole lines. Memory: one piece and one line."""
        carry = b""
        ready: list[bytes] = []
        for piece in pieces:
            if self._pending is not None:
                piece = self._continue_tail(piece)
            whole, carry = self._split(carry + piece)
            if whole:
                self._emitted += len(whole)
                ready.append(whole)
            if self._pending is None:  # a cut line is yielded only after its whole tail was written
                yield from ready
                ready = []
        if self._pending is not None:
            self._end_tail()
        yield from ready
        if carry:
            yield carry + b"\n"

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        """The whole lines of data, with long ones cut, and the incomplete line at its end."""
        done: list[bytes] = []
        begin = line = 0
        while len(data) - line > MAX_LINE_BYTES:
            newline = data.rfind(b"\n", line, line + MAX_LINE_BYTES + 1)
            if newline >= 0:
                line = newline + 1
                continue
            done.append(data[begin:line])
            done.append(self._cut(data, line, sum(map(len, done))))
            rest = self._continue_tail(data[line + len(done[-1].rstrip(b"\0\n")) :])
            if self._pending is not None:
                return b"".join(done), b""
            data, begin, line = rest, 0, 0
        end = data.rfind(b"\n") + 1
        return b"".join([*done, data[begin:end]]), data[end:]

    def _cut(self, data: bytes, line: int, before: int) -> bytes:
        end = line + MAX_LINE_BYTES
        while data[end] & 0xC0 == 0x80:  # never inside a character
            end -= 1
        head = data[line:end].rstrip(b"\0")
        self._pending = (self._emitted + before, self._tail_bytes)
        self.has_cut_lines = True
        return head + CUT_LINE_END

    def _continue_tail(self, piece: bytes) -> bytes:
        """Write what belongs to the unfinished tail, and return the rest of the piece."""
        newline = piece.find(b"\n")
        tail = piece if newline < 0 else piece[:newline]
        if self.tail_file is not None:
            self.tail_file.write(tail)
        self._tail_bytes += len(tail)
        if newline < 0:
            return b""
        self._end_tail()
        return piece[newline + 1 :]

    def _end_tail(self) -> None:
        assert self._pending is not None
        line, tail = self._pending
        self._pending = None
        if self.tail_file is not None:
            self.tails[line] = CutTail(offset=tail, length=self._tail_bytes - tail)
