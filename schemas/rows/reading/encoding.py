"""From a file's bytes to UTF-8 blocks: which encoding it is, found in one cheap pass, then the text, block by block.

UTF-8 with or without BOM, UTF-16 with BOM, else Windows-1252. Nothing here holds more than one block.
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
    """How a file is to be read. `lone_cr`: its lines end in CR alone, for there is no LF in it.

    `fault` is the byte offset at which it is no text in the encoding it was tried in last, `not_utf8` the first at
    which it is not UTF-8. A file with a fault cannot be read. `bom` is how many bytes of UTF-8's BOM come first.
    """

    encoding: Encoding
    bom: int = 0
    lone_cr: bool = False
    fault: int | None = None
    not_utf8: int | None = None


def detect_encoding(stream: BinaryIO, block: int = PIECE_BYTES) -> DetectedEncoding:
    """How to read the file. One pass over its bytes, in blocks."""
    lines, utf8, windows_1252 = _LineEnds(), _Utf8(), _Windows1252()
    bom: Encoding | None = None
    for offset, piece in enumerate(read_pieces(stream, block)):
        if offset == 0:
            bom = next((encoding for mark, encoding in _BOMS if piece.startswith(mark)), None)
            if bom == "utf-16":
                return _detect_utf16(piece, stream, block)
        lines.see(piece)
        utf8.see(piece)
        windows_1252.see(piece)
    utf8.see(b"")
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
    reading: DetectedEncoding,
    *,
    block: int = PIECE_BYTES,
    from_start: bool = True,
    seen: Callable[[int], object] | None = None,
) -> Iterator[bytes]:
    """The file as blocks of UTF-8 without BOM, a lone CR made LF. `seen` is told how many bytes each block read.

    Not `from_start`, the stream is some whole lines of it.
    """
    decoder = codecs.getincrementaldecoder(_CODECS[reading.encoding])()
    for number, piece in enumerate(chain(read_pieces(stream, block), [b""])):
        if seen is not None:
            seen(len(piece))
        if reading.encoding == "utf-8":
            ready = piece.removeprefix(codecs.BOM_UTF8) if number == 0 and from_start else piece
        else:
            ready = decoder.decode(piece, not piece).encode()
        if ready:
            yield ready.replace(b"\r", b"\n") if reading.lone_cr else ready


def encoded_size(content: memoryview, reading: DetectedEncoding) -> int:
    """How many bytes of the file, in UTF-8 or Windows-1252, this text of it was."""
    if reading.encoding == "utf-8":
        return len(content)
    return int(np.count_nonzero(np.frombuffer(content, dtype=np.uint8) & 0xC0 != 0x80))  # a byte a character


def read_pieces(stream: BinaryIO, block: int) -> Iterator[bytes]:
    """The stream in pieces of exactly `block` bytes but for the last, whatever short reads it gives."""
    while piece := stream.read(block):
        while len(piece) < block and (more := stream.read(block - len(piece))):
            piece += more
        yield piece


_CODECS: dict[Encoding, str] = {"utf-8": "utf-8", "utf-16": "utf-16", "windows-1252": "cp1252"}


class _LineEnds:
    def __init__(self) -> None:
        self.cr = self.lf = False

    def see(self, piece: bytes) -> None:
        self.lf = self.lf or b"\n" in piece
        self.cr = self.cr or (not self.lf and b"\r" in piece)

    @property
    def lone_cr(self) -> bool:
        return self.cr and not self.lf


class _Utf8:
    """The offset of the first byte that is not UTF-8; an empty piece says that the file ends."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0

    def see(self, piece: bytes) -> None:
        held = len(self._decoder.getstate()[0])
        if self.fault is not None or (not held and piece and piece.isascii()):
            self._offset += len(piece)
            return
        try:
            self._decoder.decode(piece, not piece)
        except UnicodeDecodeError as error:
            self.fault = self._offset - held + error.start
        self._offset += len(piece)


class _Windows1252:
    """The offset of the first byte that Windows-1252 leaves undefined."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self._offset = 0

    def see(self, piece: bytes) -> None:
        if self.fault is None and not piece.isascii():
            found = [place for byte in _UNDEFINED_1252 if (place := piece.find(byte)) >= 0]
            self.fault = self._offset + min(found) if found else None
        self._offset += len(piece)


def _detect_utf16(first: bytes, stream: BinaryIO, block: int) -> DetectedEncoding:
    decoder = codecs.getincrementaldecoder("utf-16")()
    lines, offset = _LineEnds(), 0
    for piece in chain([first], read_pieces(stream, block), [b""]):
        held = len(decoder.getstate()[0])
        try:
            lines.see(decoder.decode(piece, not piece).encode())
        except UnicodeDecodeError as error:
            return DetectedEncoding(encoding="utf-16", fault=offset - held + error.start)
        offset += len(piece)
    return DetectedEncoding(encoding="utf-16", lone_cr=lines.lone_cr)
