"""The rows of the report's table: every row that a shown finding is about, with all its findings."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reports.rendering import render_fragment
from schemas.model.findings import TYPED_IN, Severity
from schemas.model.judgment import Judgment

if TYPE_CHECKING:
    import pyarrow as pa

RowPlace = tuple[str, int]  # file, row

#: What the rows and the logo of one page may weigh, in bytes of UTF-8: with all else a page stays under 1.5 MB.
ROWS_BUDGET = 1_050_000
#: How the rows are made to fit, each try tighter than the one before: (characters of a cell, rows kept a rule).
_TRIES = ((60, None), (30, None), (16, None), (16, 100), (16, 50), (12, 25), (8, 10))
_MESSAGE = 4  # a message may be so many times longer than a cell

_REPEATS = frozenset({"NUM-020", "NUM-021"})
_CITED_ROW = re.compile(r"\brow (\d[\d,]*)")
_CITED_TYPED = re.compile(r"\bnumber (\d+) of the manifest")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFinding:
    """One finding of a row. `first` is the row that stands, where this one repeats it."""

    rule: str
    severity: Severity
    message: str
    suggestion: str | None = None
    first: RowPlace | None = None


@dataclass(slots=True, kw_only=True)
class TableRow:
    """One row with findings; or, without any, a row that stands and that later ones repeat."""

    file: str
    row: int
    number: str
    purpose: str
    linked: bool = False  # another row links to this one
    faults: list[RowFinding] = field(default_factory=list)
    repeats: list[RowPlace] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """The rows as markup, how many rows with findings it shows, and the numbers the files go by in it.

    `rules` counts the shown rows of each rule.
    """

    body: str
    shown: int
    files: dict[str, int]
    rules: dict[str, int]


def build_row_table(judgment: Judgment, budget: int = ROWS_BUDGET) -> RowTable:
    """The rows that fit into `budget` bytes, in file and row order. A cut keeps the first rows of every rule."""
    files = {file.name: index for index, file in enumerate(judgment.files)}
    rows = sorted(collect_rows(judgment), key=lambda row: (files.setdefault(row.file, len(files)), row.row))
    kept: list[TableRow] = []
    body = ""
    for width, per_rule in _TRIES:
        chosen = rows if per_rule is None else _first_of_each_rule(rows, per_rule)
        if (fitting := _body(chosen, files, width, budget)) is not None:
            kept, body = chosen, fitting
            break
    rules = Counter(rule for row in kept for rule in {fault.rule for fault in row.faults})
    return RowTable(body=body, shown=len(kept), files=files, rules=dict(sorted(rules.items())))


def collect_rows(judgment: Judgment) -> list[TableRow]:
    """Each row of a shown finding, whole: both cells and all its findings, also those that were capped."""
    cited = _citations(judgment)
    rows: dict[RowPlace, TableRow] = {}
    for line in lines_of_shown_rows(judgment):
        place = (line["file"], line["row"])
        row = rows.setdefault(place, TableRow(file=place[0], row=place[1], number=_cell(line), purpose=_purpose(line)))
        row.faults.append(_fault(line, cited))
    return list(rows.values())


def _cell(line: dict[str, Any]) -> str:
    return line["phone_number"] or ""


def _purpose(line: dict[str, Any]) -> str:
    return line["call_purpose"] or ""


def _fault(line: dict[str, Any], cited: "re.Pattern[str]") -> RowFinding:
    return RowFinding(
        rule=line["rule"],
        severity=line["severity"],
        message=line["message"],
        suggestion=line["suggestion"] or None,
        first=_first(line, cited) if line["rule"] in _REPEATS else None,
    )


def _citations(judgment: Judgment) -> "re.Pattern[str]":
    names = sorted((re.escape(file.name) for file in judgment.files), key=len, reverse=True)
    return re.compile("|".join(names))


def _first(line: dict[str, Any], cited: "re.Pattern[str]") -> RowPlace | None:
    """The row that stands, as the message cites it; in the same file where it names none."""
    typed = _CITED_TYPED.search(line["message"])
    if typed is not None:
        return (TYPED_IN, int(typed.group(1)))
    row = _CITED_ROW.search(line["message"])
    if row is None:
        return None
    file = cited.search(line["message"]) if cited.pattern else None
    return (file.group() if file else line["file"], int(row.group(1).replace(",", "")))


def lines_of_shown_rows(judgment: Judgment) -> Iterator[dict[str, Any]]:
    """The lines of rejections.csv about rows of shown findings; reads no further than the batch after the last."""
    import pyarrow as pa

    wanted = {(f.file, f.row) for f in judgment.findings if f.file is not None and f.row is not None}
    if not wanted:
        return
    numbers = pa.array(sorted({row for _, row in wanted}), pa.int64())
    seen: set[RowPlace] = set()
    for batch in judgment.numbers.rejections():
        lines = [line for line in _filtered(batch, numbers) if (line["file"], line["row"]) in wanted]
        if not lines and len(seen) == len(wanted):
            return
        seen.update((line["file"], line["row"]) for line in lines)
        yield from lines


def _filtered(batch: "pa.RecordBatch", rows: "pa.Array") -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    return batch.filter(pc.is_in(batch.column("row"), value_set=rows)).to_pylist()  # type: ignore[no-any-return]


def _first_of_each_rule(rows: Iterable[TableRow], limit: int) -> list[TableRow]:
    kept: Counter[str] = Counter()
    chosen = []
    for row in rows:
        rules = {fault.rule for fault in row.faults}
        if any(kept[rule] < limit for rule in rules):
            kept.update(rules)
            chosen.append(row)
    return chosen


def _body(rows: list[TableRow], files: dict[str, int], width: int, budget: int) -> str | None:
    everything = _with_standing(rows)
    everything.sort(key=lambda row: (files.setdefault(row.file, len(files)), row.row))
    return render_fragment(
        "rows.html", budget=budget, rows=everything, files=files, width=width, message_width=_MESSAGE * width
    )


def _with_standing(rows: list[TableRow]) -> list[TableRow]:
    """The rows, and those that they repeat and that have no finding themselves, so that each can link to the other."""
    everything = {(row.file, row.row): row for row in rows}
    for row in rows:
        row.repeats = []
    for row in rows:
        for fault in row.faults:
            if fault.first and fault.first != (row.file, row.row):
                _link(row, fault, everything)
    return list(everything.values())


def _link(row: TableRow, fault: RowFinding, everything: dict[RowPlace, TableRow]) -> None:
    assert fault.first
    purpose = row.purpose if fault.rule == "NUM-020" else ""
    unseen = TableRow(file=fault.first[0], row=fault.first[1], number=row.number, purpose=purpose)
    stands = everything.setdefault(fault.first, unseen)
    stands.repeats.append((row.file, row.row))
    row.linked = stands.linked = True
