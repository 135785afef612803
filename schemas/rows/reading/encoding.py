"""Detects a file's encoding in one cheap pass, then decodes the file to UTF-8, piece by piece.

UTF-8 with or without a BOM, UTF-16 with a BOM, otherwise Windows-1252. Memory: one piece at a time.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, Literal

import numpy as np

Encoding = Literal["utf-8", "utf-16", "windows-1252"]

PIECE_BYTES = 1 << 20

_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_1252 = b"\x81\x8d\x8f\x90\x9d"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedEncoding:
    """How to decode a file.

    - `bom`: the length of a UTF-8 BOM in bytes.
    - `lone_cr`: lines end in CR alone, because the file has no LF.
    - `fault`: byte offset of the first byte that is invalid in `encoding`. Such a file cannot be read.
    - `not_utf8`: byte offset of the first byte that is not valid UTF-8.
    """

    encoding: Encoding
    bom: int = 0
    lone_cr: bool = False
    fault: int | None = None
    not_utf8: int | None = None


def detect_encoding(stream: BinaryIO, piece_bytes: int = PIECE_BYTES) -> DetectedEncoding:
    """Detect how to decode the file. Reads it once, in pieces."""
    lines, utf8, windows_1252 = _LineEnds(), _Utf8(), _Windows1252()
    bom: Encoding | None = None
    for index, piece in enumerate(read_pieces(stream, piece_bytes)):
        if index == 0:
            bom = next((encoding for mark, encoding in _BOMS if piece.startswith(mark)), None)
            if bom == "utf-16":
                return _detect_utf16(piece, stream, piece_bytes)
        lines.feed(piece)
        utf8.feed(piece)
        windows_1252.feed(piece)
    utf8.feed(b"")
    if utf8.fault is None or bom == "utf-8":
        length = len(codecs.BOM_UTF8) if bom else 0
        return DetectedEncoding(
            encoding="utf-8", bom=length, lone_cr=lines.lone_cr, fault=utf8.fault, not_utf8=utf8.fault
        )
    return DetectedEncoding(
        encoding="windows-1252", lone_cr=lines.lone_cr, fault=windows_1252.fault, not_utf8=utf8.fault
    )


def decode_to_utf8(
    stream: BinaryIO,
    detected: DetectedEncoding,
    *,
    piece_bytes: int = PIECE_BYTES,
    from_start: bool = True,
    on_read: Callable[[int], object] | None = None,
) -> Iterator[bytes]:
    """Yield the file's text as UTF-8 without a BOM, with lone CRs turned into LFs.

    `on_read` is called with the number of bytes read, piece by piece. If `from_start` is false, the stream is a range
    of the file's whole lines.
    """
    decoder = codecs.getincrementaldecoder(_CODECS[detected.encoding])()
    for index, piece in enumerate(chain(read_pieces(stream, piece_bytes), [b""])):
        if on_read is not None:
            on_read(len(piece))
        if detected.encoding == "utf-8":
            ready = piece.removeprefix(codecs.BOM_UTF8) if index == 0 and from_start else piece
        else:
            ready = decoder.decode(piece, not piece).encode()
        if ready:
            yield ready.replace(b"\r", b"\n") if detected.lone_cr else ready


def encoded_size(text: memoryview, detected: DetectedEncoding) -> int:
    """How many bytes this UTF-8 text takes up in a file that is in UTF-8 or Windows-1252."""
    if detected.encoding == "utf-8":
        return len(text)
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) & 0xC0 != 0x80))  # one byte per character


def read_pieces(stream: BinaryIO, piece_bytes: int) -> Iterator[bytes]:
    """Read the stream in pieces of exactly `piece_bytes` (the last may be shorter), even if it returns short reads."""
    while piece := stream.read(piece_bytes):
        while len(piece) < piece_bytes and (more := stream.read(piece_bytes - len(piece))):
            piece += more
        yield piece


_CODECS: dict[Encoding, str] = {"utf-8": "utf-8", "utf-16": "utf-16", "windows-1252": "cp1252"}


class _LineEnds:
    def __init__(self) -> None:
        self.cr = self.lf = False

    def feed(self, piece: bytes) -> None:
        self.lf = self.lf or b"\n" in piece
        self.cr = self.cr or (not self.lf and b"\r" in piece)

    @property
    def lone_cr(self) -> bool:
        return self.cr and not self.lf


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


def _detect_utf16(first: bytes, stream: BinaryIO, piece_bytes: int) -> DetectedEncoding:
    decoder = codecs.getincrementaldecoder("utf-16")()
    lines, offset = _LineEnds(), 0
    for piece in chain([first], read_pieces(stream, piece_bytes), [b""]):
        buffered = len(decoder.getstate()[0])
        try:
            lines.feed(decoder.decode(piece, not piece).encode())
        except UnicodeDecodeError as error:
            return DetectedEncoding(encoding="utf-16", fault=offset - buffered + error.start)
        offset += len(piece)
    return DetectedEncoding(encoding="utf-16", lone_cr=lines.lone_cr)
