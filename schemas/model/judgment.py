"""What judging one submission gives: the verdict, the counts that add up, and the findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.model.findings import Finding, Severity
from schemas.model.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Verdict = Literal["accepted", "accepted_with_rejections", "held", "rejected"]

#: The columns of rejections.csv, in the contract's order.
REJECTION_COLUMNS: tuple[str, ...] = (
    "file",
    "row",
    "line",
    "phone_number",
    "call_purpose",
    "rule",
    "severity",
    "message",
    "fix",
    "suggestion",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows by outcome: `read == accepted + rejected + ignored`; ignored counts blank records only."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    ignored: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            read=self.read + other.read,
            accepted=self.accepted + other.accepted,
            rejected=self.rejected + other.rejected,
            ignored=self.ignored + other.ignored,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """One numbers file (or the typed-in numbers, named "(manifest)").

    `rejected_by_chunk[i]` is the number of rejected rows among rows 500*i+1 .. 500*(i+1).
    """

    name: str
    sha256: str | None
    bytes: int
    chunks: int
    counts: Counts
    rejected_by_chunk: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairGroup:
    """Rows that break one rule in the same way, so that one action repairs them all.

    `pattern` says what they have in common (a received purpose, or a number's shape with each digit as 9); counts are
    true totals. Only the largest groups of a rule are kept; `RuleTotal.count` is the sum over all.
    """

    rule: str
    file: str
    pattern: str
    count: int
    example: str
    suggestion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTotal:
    """How often a rule was broken in all, whatever was shown."""

    id: str
    name: str
    severity: Severity
    count: int
    fix: str


class Numbers(Protocol):
    """The rows of a submission after judging, streamed; every call starts anew and gives the same."""

    def accepted(self) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
        """Blocks of (ten-digit number as int64, call purpose as uint8 index into `PURPOSES`), in file and row order."""
        ...

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        """One row per finding on a record, in file and row order; the columns are `REJECTION_COLUMNS`."""
        ...

    def rejected_records(self) -> Iterator[bytes]:
        """The rejected records as received, as UTF-8 without a BOM, each with its line end, in file and row order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLogo:
    """The image that a program shows: its name, its bytes, and their sha256, by which it is approved."""

    name: str
    content: bytes
    sha256: str
    is_approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """What one submission was found to be. `findings` are capped; `totals` are not.

    `held_because` says, in a held verdict, why; `rejected_because` what the findings alone do not tell of a rejection.
    `logo` is there where the program uses one and it can be shown.
    """

    verdict: Verdict
    manifest: Manifest | None
    counts: Counts
    files: tuple[FileResult, ...]
    totals: tuple[RuleTotal, ...]
    findings: tuple[Finding, ...]
    findings_total: int
    rules_not_checked: tuple[str, ...] = ()
    groups: tuple[RepairGroup, ...] = ()
    held_because: tuple[str, ...] = ()
    rejected_because: tuple[str, ...] = ()
    needs_review: tuple[str, ...] = ()  # "display_name", "logo"
    logo: JudgedLogo | None = None
    numbers: Numbers
    versions: Mapping[str, str] = field(default_factory=dict)

    def outline(self) -> "Judgment":
        """The same without rows and findings, which can be many: what is told of a submission in a line."""
        return replace(self, numbers=NO_NUMBERS, findings=(), groups=())


class _NoNumbers:
    """The rows of a submission that has none, or whose rows are not known."""

    def accepted(self) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
        return iter(())

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        return iter(())

    def rejected_records(self) -> Iterator[bytes]:
        return iter(())


NO_NUMBERS = _NoNumbers()
