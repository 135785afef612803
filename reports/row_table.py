"""The rows of the report's table: every row that a shown finding is about, with all its findings."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reports.rendering import render_fragment
from schemas.model.findings import Severity
from schemas.model.judgment import Judgment

if TYPE_CHECKING:  # the functions import pyarrow, because it saves start-up time
    import pyarrow as pa

RowPlace = tuple[str, int]  # file, row

#: The limit for the rows and the logo of one page, in bytes of UTF-8. With everything else a page is then under 1.5 MB.
ROWS_BUDGET = 1_050_000
#: How the rows are made to fit. Each try is tighter: (characters per cell, rows per rule or None for all).
_TRIES = ((60, None), (30, None), (16, None), (16, 100), (16, 50), (12, 25), (8, 10))
_MESSAGE_FACTOR = 4  # a message may be this many times longer than a cell


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFinding:
    """One finding of a row. If its number is already in an earlier row, `kept` is that row, with its purpose."""

    rule: str
    severity: Severity
    message: str
    suggestion: str | None = None
    kept: RowPlace | None = None
    kept_purpose: str = ""


@dataclass(slots=True, kw_only=True)
class TableRow:
    """One row with findings, or a row without any that was kept and that later rows repeat."""

    file: str
    row: int
    number: str
    purpose: str
    has_links: bool = False  # another row links to this one
    findings: list[RowFinding] = field(default_factory=list)
    repeated_in: list[RowPlace] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """The rows as markup. `shown` counts the rows with findings, `rules` those of each rule.

    `files` maps each file's name to its number in the markup.
    """

    body: str
    shown: int
    files: dict[str, int]
    rules: dict[str, int]


def build_row_table(judgment: Judgment, budget: int = ROWS_BUDGET) -> RowTable:
    """The rows that fit into `budget` bytes, in file and row order. A cut keeps the first rows of every rule."""
    files = {file.name: index for index, file in enumerate(judgment.files)}
    rows = sorted(collect_rows(judgment), key=lambda row: (files.setdefault(row.file, len(files)), row.row))
    shown: list[TableRow] = []
    body = ""
    for width, per_rule in _TRIES:
        chosen = rows if per_rule is None else _first_rows_of_each_rule(rows, per_rule)
        if (fitting := _render_body(chosen, files, width, budget)) is not None:
            shown, body = chosen, fitting
            break
    rules = Counter(rule for row in shown for rule in {finding.rule for finding in row.findings})
    return RowTable(body=body, shown=len(shown), files=files, rules=dict(sorted(rules.items())))


def collect_rows(judgment: Judgment) -> list[TableRow]:
    """Each row of a shown finding, with both cells and all its findings, also those beyond the caps."""
    rows: dict[RowPlace, TableRow] = {}
    for line in lines_of_shown_rows(judgment):
        place = (line["file"], line["row"])
        if place not in rows:
            number, purpose = line["phone_number"] or "", line["call_purpose"] or ""
            rows[place] = TableRow(file=place[0], row=place[1], number=number, purpose=purpose)
        rows[place].findings.append(_row_finding(line))
    return list(rows.values())


def _row_finding(line: dict[str, Any]) -> RowFinding:
    # A judgment that an older release archived does not say which row was kept.
    kept = line.get("kept_row")
    return RowFinding(
        rule=line["rule"],
        severity=line["severity"],
        message=line["message"],
        suggestion=line["suggestion"] or None,
        kept=(line["kept_file"], kept) if kept else None,
        kept_purpose=line.get("kept_purpose") or "",
    )


def lines_of_shown_rows(judgment: Judgment) -> Iterator[dict[str, Any]]:
    """The lines of rejections.csv for the rows of shown findings. Stops reading at the first batch after the last."""
    import pyarrow as pa

    wanted = {(f.file, f.row) for f in judgment.findings if f.file is not None and f.row is not None}
    if not wanted:
        return
    row_numbers = pa.array(sorted({row for _, row in wanted}), pa.int64())
    found: set[RowPlace] = set()
    for batch in judgment.numbers.rejections():
        lines = [line for line in _lines_with_rows(batch, row_numbers) if (line["file"], line["row"]) in wanted]
        if not lines and len(found) == len(wanted):
            return
        found.update((line["file"], line["row"]) for line in lines)
        yield from lines


def _lines_with_rows(batch: "pa.RecordBatch", row_numbers: "pa.Array") -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    matches = pc.is_in(batch.column("row"), value_set=row_numbers)
    return batch.filter(matches).to_pylist()  # type: ignore[no-any-return]  # pyarrow publishes no types


def _first_rows_of_each_rule(rows: Iterable[TableRow], limit: int) -> list[TableRow]:
    counts: Counter[str] = Counter()
    chosen = []
    for row in rows:
        rules = {finding.rule for finding in row.findings}
        if any(counts[rule] < limit for rule in rules):
            counts.update(rules)
            chosen.append(row)
    return chosen


def _render_body(rows: list[TableRow], files: dict[str, int], width: int, budget: int) -> str | None:
    all_rows = _add_kept_rows(rows)
    all_rows.sort(key=lambda row: (files.setdefault(row.file, len(files)), row.row))
    return render_fragment(
        "rows.html", budget=budget, rows=all_rows, files=files, width=width, message_width=_MESSAGE_FACTOR * width
    )


def _add_kept_rows(rows: list[TableRow]) -> list[TableRow]:
    """The rows, and the rows they repeat that have no findings themselves, so that both can link to each other."""
    by_place = {(row.file, row.row): row for row in rows}
    for row in rows:
        row.repeated_in = []
    for row in rows:
        for finding in row.findings:
            if finding.kept and finding.kept != (row.file, row.row):
                _link_to_kept_row(row, finding.kept, finding.kept_purpose, by_place)
    return list(by_place.values())


def _link_to_kept_row(row: TableRow, place: RowPlace, purpose: str, by_place: dict[RowPlace, TableRow]) -> None:
    without_findings = TableRow(file=place[0], row=place[1], number=row.number, purpose=purpose)
    kept = by_place.setdefault(place, without_findings)
    kept.repeated_in.append((row.file, row.row))
    row.has_links = kept.has_links = True
