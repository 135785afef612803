"""File names: the manifest's, which ones it may list (MAN-007), and which ones belong to unfinished uploads."""

import re
import unicodedata

MANIFEST_NAMES = ("program.yaml", "program.yml")

_MAX_PART_BYTES = 255
_MAX_PARTS = 8
_PARTIAL_SUFFIXES = (".part", ".filepart", ".tmp", ".partial", ".crdownload")
_DRIVE = re.compile(r"[A-Za-z]:")
#: These look like a slash, a backslash or dots, but are other characters to a file system, before or after
#: normalization.
_LOOK_ALIKES = re.compile(
    "[\u2024\u2025\u2026\u2044\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f6\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c]"
)
#: Control, format (zero width, direction), line and paragraph separator, surrogate, private, unassigned.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def explain_unsafe_name(name: str) -> str | None:
    """Why a manifest may not list a file of this name, as the end of the sentence "The name ..."; None if it may.

    A safe name is a plain relative path that cannot leave the drop.
    """
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if "\\" in name:
        return "has a backslash"
    if found := _LOOK_ALIKES.search(name):
        return f"has a look-alike character: {unicodedata.name(found[0])}"
    for character in name:
        if unicodedata.category(character) in _INVISIBLE:
            return f"has an invisible character, U+{ord(character):04X}"
    return _explain_unsafe_parts(name.split("/"))


def _explain_unsafe_parts(parts: list[str]) -> str | None:
    if ".." in parts:
        return "has a .. that leaves the drop"
    if "" in parts or "." in parts:
        return "has an empty part between slashes"
    if any(part != part.strip() for part in parts):
        return "starts or ends with a space"
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts) or len(parts) > _MAX_PARTS:
        return "is too long"
    return None


def parent_folders(name: str) -> list[str]:
    """The folders above a file of this name, outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def is_partial_upload(name: str) -> bool:
    """Whether the name says that this is an unfinished upload or a hidden file."""
    return any(part.startswith(".") or part.lower().endswith(_PARTIAL_SUFFIXES) for part in name.split("/"))
