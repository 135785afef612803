"""Names of files: which a manifest may give, plain relative paths that cannot leave the drop (MAN-007), and which say
that an upload is not finished yet.
"""

import re
import unicodedata

_MOST_BYTES = 255
_UNDER_WAY = (".part", ".filepart", ".tmp", ".partial", ".crdownload")
_DRIVE = re.compile(r"[A-Za-z]:")
#: Look like a slash, a backslash or dots, and are something else to a file system, now or after normalisation.
_LOOK_ALIKES = re.compile(
    "[\u2024\u2025\u2026\u2044\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f6\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c]"
)
#: Control, format (zero width, direction), line and paragraph separator, surrogate, private, unassigned.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def unsafe(name: str) -> str | None:
    """Why a file may not be named so, as the end of the sentence "The name ..."; None where it may."""
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if "\\" in name:
        return "has a backslash"
    if found := _LOOK_ALIKES.search(name):
        return f"has a character that only looks like a plain one: {unicodedata.name(found[0])}"
    for character in name:
        if unicodedata.category(character) in _INVISIBLE:
            return f"has an invisible character, U+{ord(character):04X}"
    return _unsafe_part(name.split("/"))


def _unsafe_part(parts: list[str]) -> str | None:
    if ".." in parts:
        return "has a .. that climbs out of the drop"
    if "" in parts or "." in parts:
        return "has an empty part between slashes"
    if any(part != part.strip() for part in parts):
        return "begins or ends with a space"
    if any(len(part.encode()) > _MOST_BYTES for part in parts) or len(parts) > 8:
        return "is too long"
    return None


def folders_of(name: str) -> list[str]:
    """The folders that a file of this name lies in, the outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def under_way(name: str) -> bool:
    """Whether this is an upload that is not finished yet (or none of our business), by its name alone."""
    return any(part.startswith(".") or part.lower().endswith(_UNDER_WAY) for part in name.split("/"))
