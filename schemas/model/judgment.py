"""A judgment: the verdict on one submission, its counts and its findings."""

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
    "rejected_row",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows by outcome: `read == accepted + rejected + ignored`. Only blank records are ignored."""

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


#: Rows of one file that are validated and shown together. The portal (First Orion's website, where people upload
#: numbers by hand) takes at most this many per upload.
CHUNK_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """One numbers file. The numbers typed into the manifest are a file named "(manifest)".

    `rejected_by_chunk[i]` is the number of rejected rows among rows CHUNK_ROWS*i+1 to CHUNK_ROWS*(i+1).
    """

    name: str
    sha256: str | None
    bytes: int
    chunks: int
    counts: Counts
    rejected_by_chunk: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTotals:
    """What else is counted of the rows.

    - `with_findings`: rows that break a rule, with a warning at least.
    - `repeated`: rows that were rejected only because an earlier row has the same number and purpose. They are not in
      rejected.csv.
    - `emptied`: rows of rejected.csv in which a number is left out, because a spreadsheet would change it.
    - `unlisted`: findings on rows that rejections.csv does not list, because it would become too long.
    - `csv_bytes`: about how large rejected.csv and rejections.csv are together.
    """

    with_findings: int = 0
    repeated: int = 0
    emptied: int = 0
    unlisted: int = 0
    csv_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairGroup:
    """Rows that break one rule in the same way, so that one edit fixes them all.

    `pattern` is what they have in common: a received purpose, or the shape of a number with each digit shown as 9.
    `count` is the true total. Only the largest groups of a rule are kept; `RuleTotal.count` counts all of its rows.
    """

    rule: str
    file: str
    pattern: str
    count: int
    example: str
    suggestion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTotal:
    """How often a rule was broken. This is the true total, even if only some of its findings are kept."""

    id: str
    name: str
    severity: Severity
    count: int
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRejections:
    """Rejected rows by their content, of all submissions of a program so far.

    `rows` has the dtype `schemas.rows.open_rejections.OPEN_ROW_DTYPE`. `cut` counts the rows that did not fit.
    `previous` is the submission before, whose open rejections were carried over.
    """

    rows: "np.ndarray"
    cut: int = 0
    previous: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineComparison:
    """What became of the rejections that were open after the `submission` before, by content and not by position.

    - `fixed`: the suggested number came as an accepted row, or the same digits came right.
    - `still_open`: rejected again, however it is spelled.
    - `left_out`: neither came back.
    - `new`: rejected now, and not open before.
    - `not_compared`: were open before, but were too many to be kept.
    """

    submission: str
    fixed: int
    still_open: int
    left_out: int
    new: int
    not_compared: int = 0


class JudgedNumbers(Protocol):
    """The judged rows of a submission, streamed. Each call starts from the beginning and returns the same rows."""

    def accepted(self) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
        """Blocks of (ten-digit number as int64, call purpose as uint8 index into `PURPOSES`), in file and row order."""
        ...

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        """One row per finding on a record, in file and row order. The columns are `REJECTION_COLUMNS`."""
        ...

    def rejected_records(self) -> Iterator[bytes]:
        """The records of rejected.csv, as UTF-8 without a BOM, each with its line end, in file and row order.

        They are the rejected ones as received, without exact repeats of an earlier row, and without the cells that a
        spreadsheet would turn into another number.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLogo:
    """The logo that a program shows. It is approved by the sha256 of its bytes."""

    name: str
    content: bytes
    sha256: str
    is_approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """The judgment of one submission. `findings` are capped, `totals` are not.

    `held_because` has the reasons for the verdict `held`. `unanswered` counts its numbers that other businesses have,
    if it was held without the answers of NUM-022; only the operator may see it. `logo` is None if the program shows no
    logo, or if its logo breaks a rule. `baseline` is the comparison with the previous submission for the program; None
    if nothing was open and nothing is. `open_rejections` is what is open now; None in a dry run, and once it is saved.
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
    unanswered: int | None = None
    logo: JudgedLogo | None = None
    rows: RowTotals = RowTotals()
    baseline: BaselineComparison | None = None
    open_rejections: OpenRejections | None = None
    numbers: JudgedNumbers
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows_to_send_again(self) -> int:
        """How many rows rejected.csv has: those that can be corrected."""
        return self.counts.rejected - self.rows.repeated

    def without_rows(self) -> "Judgment":
        """The judgment without its rows and findings, which can be many."""
        return replace(self, numbers=NO_NUMBERS, findings=(), groups=(), open_rejections=None)


class _NoNumbers:
    """The rows of a submission that has no rows, or whose rows were dropped."""

    def accepted(self) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
        return iter(())

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        return iter(())

    def rejected_records(self) -> Iterator[bytes]:
        return iter(())


NO_NUMBERS = _NoNumbers()
