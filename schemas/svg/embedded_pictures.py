"""How many pixels a browser decodes to show a PNG, JPEG, GIF or WebP picture, from its header."""

import struct
from collections.abc import Callable

#: A shorter file has no header that a browser could read.
_SHORTEST = 24


def count_decoded_pixels(picture: bytes) -> int | None:
    """The pixels of all frames, and of all scans of a JPEG. None if the picture cannot be read."""
    if len(picture) < _SHORTEST:
        return 0
    for magic, count in _COUNTERS.items():
        if picture.startswith(magic):
            try:
                return count(picture)
            except (struct.error, IndexError):
                return None
    return None


def _count_png(png: bytes) -> int | None:
    width, height = struct.unpack_from(">II", png, 16)
    return None if b"acTL" in png else width * height  # an animation


def _count_jpeg(jpeg: bytes) -> int | None:
    """Each scan passes over the whole picture."""
    at = 2
    while jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], struct.unpack_from(">H", jpeg, at + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", jpeg, at + 5)
            return int(width * height * max(1, jpeg.count(b"\xff\xda", at)))
        at += 2 + length
    return None


def _count_gif(gif: bytes) -> int | None:
    """Each frame has its own size, which may exceed the screen's."""
    screen = struct.unpack_from("<HH", gif, 6)
    at = 13 + _color_table_bytes(gif[10])
    frames = 0
    while gif[at] != 0x3B:
        if gif[at] == 0x2C:
            width, height, flags = struct.unpack_from("<HHB", gif, at + 5)
            frames += max(screen[0], width) * max(screen[1], height)
            at += 11 + _color_table_bytes(flags)
        elif gif[at] == 0x21:
            at += 2
        else:
            return None
        while gif[at]:
            at += 1 + gif[at]
        at += 1
    return frames


def _color_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _count_webp(webp: bytes) -> int | None:
    kind = webp[12:16]
    if kind == b"VP8L":
        bits = int.from_bytes(webp[21:25], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X" and b"ANMF" not in webp:
        return (int.from_bytes(webp[24:27], "little") + 1) * (int.from_bytes(webp[27:30], "little") + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", webp, 26)
        return int((width & 0x3FFF) * (height & 0x3FFF))
    return None


_COUNTERS: dict[bytes, Callable[[bytes], int | None]] = {
    b"\x89PNG\r\n\x1a\n": _count_png,
    b"\xff\xd8": _count_jpeg,
    b"GIF8": _count_gif,
    b"RIFF": _count_webp,
}
