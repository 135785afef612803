"""Detects a file's encoding in one cheap pass, then decodes the file to UTF-8, piece by piece.

UTF-8 with or without a BOM, UTF-16 with or without one, otherwise Windows-1252. Memory: one piece at a time.

Lines may end in CRLF, LF or CR, also in the same file. A Ctrl-Z at the very end, as DOS programs write it, ends the
text.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, Literal

import numpy as np

from schemas.model.file_kinds import HEAD_BYTES, FileKind, detect_data_kind, detect_file_kind

Encoding = Literal["utf-8", "utf-16", "utf-16-le", "utf-16-be", "windows-1252"]

PIECE_BYTES = 1 << 20

_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_1252 = b"\x81\x8d\x8f\x90\x9d"
_CTRL_Z = b"\x1a"
_CR, _LF = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedEncoding:
    """How to decode a file.

    - `kind`: what the file is instead of text. Such a file cannot be read.
    - `encoding`: "utf-16" has a BOM, "utf-16-le" and "utf-16-be" have none.
    - `bom`: the length of a UTF-8 BOM in bytes.
    - `lone_cr`: some lines end in CR alone. `double_cr`: some lines end in CR CR LF.
    - `end`: byte offset where the text ends, if only a Ctrl-Z follows.
    - `fault`: byte offset of the first byte that is invalid in `encoding`. Such a file cannot be read.
    - `not_utf8`: byte offset of the first byte that is not valid UTF-8.
    """

    encoding: Encoding
    kind: FileKind | None = None
    bom: int = 0
    lone_cr: bool = False
    double_cr: bool = False
    end: int | None = None
    fault: int | None = None
    not_utf8: int | None = None

    @property
    def is_utf16(self) -> bool:
        return self.encoding.startswith("utf-16")


def detect_encoding(stream: BinaryIO, piece_bytes: int = PIECE_BYTES) -> DetectedEncoding:
    """Detect how to decode the file. Reads it once, in pieces."""
    text, utf8, windows_1252 = _TextScan(), _Utf8(), _Windows1252()
    encoding: Encoding | None = None
    for index, piece in enumerate(read_pieces(stream, piece_bytes)):
        if index == 0:
            if (kind := detect_file_kind(piece[:HEAD_BYTES]) or detect_data_kind(piece[:HEAD_BYTES])) is not None:
                return DetectedEncoding(encoding="utf-8", kind=kind)
            encoding = next((each for mark, each in _BOMS if piece.startswith(mark)), None) or _utf16_without_bom(piece)
            if encoding is not None and encoding != "utf-8":
                return _detect_utf16(encoding, piece, stream, piece_bytes)
        text.feed(piece)
        utf8.feed(piece)
        windows_1252.feed(piece)
    text.finish()
    utf8.feed(b"")
    is_utf8 = utf8.fault is None or encoding == "utf-8"
    return DetectedEncoding(
        encoding="utf-8" if is_utf8 else "windows-1252",
        bom=len(codecs.BOM_UTF8) if encoding == "utf-8" else 0,
        lone_cr=text.lone_cr,
        double_cr=text.double_cr,
        end=text.length - text.tail if text.tail else None,
        fault=utf8.fault if is_utf8 else windows_1252.fault,
        not_utf8=utf8.fault,
    )


def decode_to_utf8(
    stream: BinaryIO,
    detected: DetectedEncoding,
    *,
    piece_bytes: int = PIECE_BYTES,
    begin: int = 0,
    end: int | None = None,
    on_read: Callable[[int], object] | None = None,
) -> Iterator[bytes]:
    """Yield the file's text as UTF-8 without a BOM. Its lines end in LF or CRLF.

    `begin` and `end` are byte offsets, each between two lines: only what is between them is decoded. `on_read` is
    called with the number of bytes read, piece by piece.
    """
    if begin:
        stream.seek(begin)
    stop = min((each for each in (end, detected.end) if each is not None), default=None)
    pieces = read_pieces(stream, piece_bytes, None if stop is None else stop - begin)
    text = _decode(pieces, detected, from_start=not begin, on_read=on_read)
    yield from _unify_line_ends(text, detected) if detected.lone_cr or detected.double_cr else text


def _decode(
    pieces: Iterable[bytes],
    detected: DetectedEncoding,
    *,
    from_start: bool,
    on_read: Callable[[int], object] | None,
) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(_CODECS[detected.encoding])()
    for index, piece in enumerate(chain(pieces, [b""])):
        if on_read is not None:
            on_read(len(piece))
        if detected.encoding == "utf-8":
            ready = piece.removeprefix(codecs.BOM_UTF8) if index == 0 and from_start else piece
        else:
            ready = decoder.decode(piece, not piece).encode()
        if ready:
            yield ready


_LONE_CR = re.compile(rb"\r(?!\r?\n)")


def _unify_line_ends(text: Iterable[bytes], detected: DetectedEncoding) -> Iterator[bytes]:
    """The text with each lone CR as LF, and each CR CR LF as CRLF."""
    held = b""
    for piece in chain(text, [b""]):
        data = held + piece
        held = data[_before_last_crs(data) :] if piece else b""
        data = data[: len(data) - len(held)]
        data = _LONE_CR.sub(b"\n", data) if b"\n" in data else data.replace(b"\r", b"\n")
        yield data.replace(b"\r\r\n", b"\r\n") if detected.double_cr else data


def _before_last_crs(data: bytes) -> int:
    """Where the CRs at the end of the data begin, at most two of them. What comes next decides what they are."""
    last = data[-2:]
    return len(data) - len(last) + len(last.rstrip(b"\r"))


def encoded_size(text: memoryview, detected: DetectedEncoding) -> int:
    """How many bytes this UTF-8 text takes up in a file that is in UTF-8 or Windows-1252."""
    if detected.encoding == "utf-8":
        return len(text)
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) & 0xC0 != 0x80))  # one byte per character


def read_pieces(stream: BinaryIO, piece_bytes: int, size: int | None = None) -> Iterator[bytes]:
    """Read the stream, or only its next `size` bytes, in pieces of exactly `piece_bytes`, even after short reads.

    The last piece may be shorter.
    """
    left = size
    while left is None or left > 0:
        wanted = piece_bytes if left is None else min(piece_bytes, left)
        piece = stream.read(wanted)
        while piece and len(piece) < wanted and (more := stream.read(wanted - len(piece))):
            piece += more
        if not piece:
            return
        yield piece
        left = None if left is None else left - len(piece)


_CODECS: dict[Encoding, str] = {
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "windows-1252": "cp1252",
}


class _TextScan:
    """Finds line ends that are neither LF nor CRLF, and the length of the `tail`: a Ctrl-Z and line ends after it."""

    def __init__(self) -> None:
        self.lone_cr = self.double_cr = False
        self.length = 0
        self.tail = 0
        self._held = b""

    def feed(self, piece: bytes) -> None:
        """Look at the next piece of the text."""
        self._find_tail(piece)
        self.length += len(piece)
        if self._held or b"\r" in piece:
            data = self._held + piece
            held = _before_last_crs(data)
            self._held = data[held:]
            self._count_line_ends(data[:held])

    def finish(self) -> None:
        """Look at what could not be decided before the end of the text."""
        self._count_line_ends(self._held)

    def _find_tail(self, piece: bytes) -> None:
        content = len(piece.rstrip(b"\x1a\r\n"))
        if content:
            self.tail = 0
        if self.tail:
            self.tail += len(piece)
        elif (place := piece.find(_CTRL_Z, content)) >= 0:
            self.tail = len(piece) - place

    def _count_line_ends(self, data: bytes) -> None:
        text = np.frombuffer(data, dtype=np.uint8)
        is_cr, is_lf = text == _CR, text == _LF
        crlfs = np.count_nonzero(is_cr[:-1] & is_lf[1:])  # much faster than bytes.count
        extra = int(np.count_nonzero(is_cr) - crlfs)
        if extra:
            double = data.count(b"\r\r\n")
            self.double_cr = self.double_cr or double > 0
            self.lone_cr = self.lone_cr or extra > double


class _Utf8:
    """Finds the offset of the first byte that is not valid UTF-8. An empty piece marks the end of the file."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0

    def feed(self, piece: bytes) -> None:
        buffered = len(self._decoder.getstate()[0])
        if self.fault is not None or (not buffered and piece and piece.isascii()):
            self._offset += len(piece)
            return
        try:
            self._decoder.decode(piece, not piece)
        except UnicodeDecodeError as error:
            self.fault = self._offset - buffered + error.start
        self._offset += len(piece)


class _Windows1252:
    """Finds the offset of the first byte that Windows-1252 does not define."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self._offset = 0

    def feed(self, piece: bytes) -> None:
        if self.fault is None and not piece.isascii():
            found = [place for byte in _UNDEFINED_1252 if (place := piece.find(byte)) >= 0]
            self.fault = self._offset + min(found) if found else None
        self._offset += len(piece)


def _utf16_without_bom(first: bytes) -> Encoding | None:
    """UTF-16, if every other byte of the file's start is NUL for the most part, and hardly any of the rest is."""
    sample = first[: len(first) & ~1]
    nul_first, nul_second = sample[::2].count(0), sample[1::2].count(0)
    if max(nul_first, nul_second) < max(4, len(sample) // 4):
        return None
    if 20 * nul_first <= nul_second:
        return "utf-16-le"
    return "utf-16-be" if 20 * nul_second <= nul_first else None


def _detect_utf16(encoding: Encoding, first: bytes, stream: BinaryIO, piece_bytes: int) -> DetectedEncoding:
    decoder = codecs.getincrementaldecoder(_CODECS[encoding])()
    scan, offset, end = _TextScan(), 0, None
    for piece in chain([first], read_pieces(stream, piece_bytes)):
        buffered = len(decoder.getstate()[0])
        try:
            scan.feed(decoder.decode(piece).encode())
        except UnicodeDecodeError as error:
            return DetectedEncoding(encoding=encoding, fault=offset - buffered + error.start)
        offset += len(piece)
    rest = decoder.getstate()[0]
    if rest == _CTRL_Z:  # a single byte, as programs write it that know nothing of UTF-16
        end = offset = offset - 1
    elif rest:
        return DetectedEncoding(encoding=encoding, fault=offset - len(rest))
    scan.finish()
    end = offset - 2 * scan.tail if scan.tail else end
    return DetectedEncoding(encoding=encoding, lone_cr=scan.lone_cr, double_cr=scan.double_cr, end=end)
