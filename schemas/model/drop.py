"""A drop: its manifest and its files, as they were taken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

_REFUSED_KINDS = {"link": "a link", "folder": "a folder"}
_SHA256_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFile:
    """One file: `bytes` is its size, `sha256` is lower-case hex. `open` can be called more than once."""

    name: str
    bytes: int
    sha256: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One drop folder, or a manifest by itself (`business` is then None).

    `manifests` are the drop's program.yaml and program.yml. `files` are all other files, by their names in the drop
    ("numbers.csv", "sub/more.csv"). `refused` has the names that the store would not open, with the reason.
    """

    business: str | None
    name: str
    manifests: tuple[DropFile, ...]
    files: Mapping[str, DropFile] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def explain_refused_kind(kind: str) -> str:
    """Why a store does not open something of this kind ("link", "folder", "other"), as a reason in `Drop.refused`."""
    return f"{_REFUSED_KINDS.get(kind, 'not a file')}, not a file of the drop"


def explain_different_sha256(sha256: str, expected: str) -> str:
    """The message of CSV-003 for a file that does not have the sha256 that the manifest gives."""
    found, given = (f"{value[:_SHA256_SHOWN].lower()}…" for value in (sha256, expected))
    return f"The file's sha256 is {found}, but the manifest says {given}."
