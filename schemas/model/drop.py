"""What is judged, and what is known when it is: values handed in, so that judging opens and asks nothing itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from schemas.model.business import Business
from schemas.model.filenames import folders_of
from schemas.model.lifecycle import State

if TYPE_CHECKING:
    import numpy as np

    from schemas.model.judgment import Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFile:
    """One file as taken: `bytes` is its size, `sha256` lower-case hex; `open` may be called several times."""

    name: str
    bytes: int
    sha256: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One drop folder, or a manifest by itself (`business` is then None).

    `manifests` are the program.yaml and program.yml that are there; `files` everything else by its name in the drop
    ("numbers.csv", "sub/more.csv"); `refused` the names the store would not open, with why.
    """

    business: str | None
    name: str
    manifests: tuple[DropFile, ...]
    files: Mapping[str, DropFile] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def why_refused(self, name: str) -> str | None:
        """Why the store would not open this name: for its own sake, or for that of a folder that it lies in."""
        if name in self.refused:
            return self.refused[name]
        return next((f"{above} is {self.refused[above]}" for above in folders_of(name) if above in self.refused), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the ledger knows of the program with the manifest's reference.

    `start` and `end` are aware instants, as now in force; `numbers` counts those pending or live. `held`: no revision
    was accepted yet and the only one waits for the operator (`state` is None), so that the next is still a first one.
    `calls`: some of these numbers are not Do Not Originate.
    """

    state: State | None
    revision: int
    start: datetime | None
    end: datetime | None
    live: bool = False
    numbers: int = 0
    calls: bool = False
    held: bool = False

    @property
    def start_is_fixed(self) -> bool:
        """It is live, or being launched: a revision then waits until it is."""
        return self.live or self.state == "launching"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A number that this program may not have: another business's (NUM-022, unnamed) or another program's (NUM-023)."""

    rule: Literal["NUM-022", "NUM-023"]
    program: str | None


class Claims(Protocol):
    """Whose the numbers already are; asked in bulk, and only for numbers that are valid themselves."""

    def conflicts(self, numbers: "np.ndarray") -> Mapping[int, Conflict]:
        """Those of the numbers (sorted unique int64 of ten digits) that the program may not have."""
        ...


def _no_gallery(_name: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What businesses.yaml and the ledger know; each None says that the rules which need it cannot be checked.

    `registered` is None where nobody could be asked. `ledger` is False in a dry run. `do_not_originate` is sorted
    int64. `gallery` gives a gallery logo's bytes by its name. `removed_by_replace` counts how many of the program's
    numbers are not among the accepted ones, so that `numbers_mode: replace` would remove them.
    """

    business: Business | None = None
    registered: bool | None = None
    ledger: bool = False
    program: Program | None = None
    claims: Claims | None = None
    do_not_originate: "np.ndarray | None" = None
    gallery: Callable[[str], bytes | None] = _no_gallery
    removed_by_replace: "Callable[[Numbers], int] | None" = None
