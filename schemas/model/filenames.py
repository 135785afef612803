"""File names: the manifest's, which ones it may list (MAN-007), which match, and which are unfinished uploads."""

import re
import unicodedata
from collections.abc import Collection

MANIFEST_NAMES = ("program.yaml", "program.yml")

_MAX_PART_BYTES = 255
_MAX_PARTS = 8
_PARTIAL_SUFFIXES = (".part", ".filepart", ".tmp", ".partial", ".crdownload")
#: Six random letters and digits. Six small letters, or the name of a checksum, are an ordinary ending.
_RSYNC_SUFFIX = re.compile("(?![a-z]{6}|(?i:sha[0-9]{3}|crc32c|md5sum))[A-Za-z0-9]{6}")
_DRIVE = re.compile(r"[A-Za-z]:")
#: These look like a slash, a backslash or dots, but are other characters to a file system, before or after
#: normalization.
_LOOK_ALIKES = re.compile(
    "[\u2024\u2025\u2026\u2044\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f6\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c]"
)
#: Control, format (zero width, direction), line and paragraph separator, surrogate, private, unassigned.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def plain_path(name: str) -> str:
    """The name as POSIX resolves it, without `.` and empty parts: `./a//b` is `a/b`.

    What makes a name unsafe stays: a slash at the start or end, and each `..`.
    """
    parts = name.split("/")
    kept = [part for part in parts if part not in ("", ".")]
    ends_as_folder = bool(kept) and parts[-1] in ("", ".")
    return "/" * name.startswith("/") + "/".join(kept) + "/" * ends_as_folder


def explain_unsafe_name(name: str) -> str | None:
    """Why a manifest may not list a file of this name, as the end of the sentence "The name ..."; None if it may.

    A safe name is a relative path that cannot leave the drop. Only its plain path is opened.
    """
    name = plain_path(name)
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


def suggest_safe_name(name: str) -> str | None:
    """The safe name that was meant: with slashes for backslashes, and without outer spaces and what is not visible."""
    visible = "".join(c for c in name.replace("\\", "/") if unicodedata.category(c) not in _INVISIBLE)
    meant = plain_path("/".join(part.strip() for part in visible.split("/")))
    return None if meant in MANIFEST_NAMES or explain_unsafe_name(meant) else meant


def _explain_unsafe_parts(parts: list[str]) -> str | None:
    if ".." in parts:
        return "has a .. that leaves the drop"
    if "" in parts:
        return "is that of a folder"
    if any(part != part.strip() for part in parts):
        return "starts or ends with a space"
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts) or len(parts) > _MAX_PARTS:
        return "is too long"
    return None


def normal_form(name: str) -> str:
    """Names with the same normal form look the same: an accent may be part of its letter (NFC) or follow it (NFD)."""
    return unicodedata.normalize("NFC", name)


def match_names(listed: Collection[str], present: Collection[str]) -> dict[str, str]:
    """The name in `present` for each listed name: the same one, else the only one with the same normal form.

    The matches are in the order of `listed`, without names that have none. No two listed names may have the same form.
    """
    matches = {name: [name] for name in listed if name in present}
    others = {normal_form(name): name for name in listed if name not in matches and not name.isascii()}
    for name in present if others else ():
        if not name.isascii() and (listed_name := others.get(normal_form(name))):
            matches.setdefault(listed_name, []).append(name)
    return {name: matches[name][0] for name in listed if len(matches.get(name, ())) == 1}


def parent_folders(name: str) -> list[str]:
    """The folders above a file of this name, outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def is_partial_upload(name: str) -> bool:
    """Whether the name says that this is an unfinished upload or a hidden file."""
    return any(part.startswith(".") or part.lower().endswith(_PARTIAL_SUFFIXES) for part in name.split("/"))


def names_meant_by_upload(file: str) -> set[str]:
    """The names that an unfinished upload may get at its end. `file` is its name now, without folders.

    `x.part` and `.x` become `x`, and so does rsync's `.x.Qw3rTy`. Files that only go with another one (`.x.crc`,
    `.x.sha256`, `._x`, an editor's `.x.swp`) do not become `x`.
    """
    plain = file.lstrip(".")
    stem, _, suffix = plain.rpartition(".")
    is_random = file.startswith(".") and _RSYNC_SUFFIX.fullmatch(suffix)
    return {plain, stem} if is_random or f".{suffix.lower()}" in _PARTIAL_SUFFIXES else {plain}
