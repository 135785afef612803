"""Counts add up for the worst files, and rejected rows are rejected again when they come back unchanged."""

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.model.policy import FindingCaps
from schemas.model.purposes import PURPOSES
from tests.schemas.rows.judging_in_memory import GOOD_NUMBER, accepted_rows, good_numbers, judge_files, source


def check_counts_add_up(content):
    result = judge_files(content)
    counts = result.files[0].counts
    assert counts.read == counts.accepted + counts.rejected + counts.ignored
    assert counts.accepted == len(accepted_rows(result))
    assert counts.rejected == sum(result.files[0].rejected_by_chunk)
    assert result.findings_total == sum(result.totals.values()) == len(result.findings)
    records = b"".join(result.rejected_records())
    assert records.decode() is not None
    return result, records


def cell_findings(result, row_column):
    """(row, rule, cell) of each finding about a cell, without the rows in which a cell is left out of rejected.csv."""
    return [
        (line[row_column], line["rule"], line["phone_number" if line["rule"].startswith("NUM") else "call_purpose"])
        for batch in result.rejections()
        for line in batch.to_pylist()
        if line[row_column] and line["rule"][:3] in ("NUM", "PUR") and not line["emptied"]
    ]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_result(content):
    check_counts_add_up(content)


CELLS = st.one_of(
    st.sampled_from(
        [GOOD_NUMBER, "+1 212 555 0100", "2149020", "", " ", '"', '""', "5.0E9", "x\ny", "é", "\u00a0", "\ufeff", "\0"]
    ),
    st.text(max_size=12).map(lambda text: text.encode(errors="ignore").decode()),
    st.from_regex(r"\+?1?[(]?[2-9]\d\d[) .-]{0,2}\d{3}[ .-]?\d{4}", fullmatch=True),
)
PURPOSE_CELLS = st.one_of(st.sampled_from([*PURPOSES, "Marketing", "", " survey "]), st.text(max_size=8))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(CELLS, PURPOSE_CELLS, st.sampled_from(["\n", "\r\n", ",\n", ""])), max_size=12), st.booleans()
)
def test_rejected_rows_are_rejected_again_for_the_same_reasons(rows, quoted):
    def cell(text):
        return '"' + text.replace('"', '""') + '"' if quoted else text

    content = "".join(f"{cell(number)},{cell(purpose)}{end}" for number, purpose, end in rows)
    result, records = check_counts_add_up(content.encode(errors="replace"))
    again = judge_files(records)
    # A row may be a title or a header only where it stands, and repeat another only where that is.
    if {"CSV-011", "CSV-014", "NUM-020", "NUM-021"} & {*result.totals, *again.totals}:
        return
    emptied = {line["rejected_row"] for batch in result.rejections() for line in batch.to_pylist() if line["emptied"]}
    found = [each for each in cell_findings(again, "row") if each[0] not in emptied]
    assert found == cell_findings(result, "rejected_row")
    assert again.files[0].counts.accepted == 0


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"5", {"CSV-010"}),
        (b"\0", {"CSV-012"}),
        (b'"', {"CSV-012"}),
        (b"\xff", {"CSV-002", "CSV-010"}),
        (b"9" * 10_000_000, {"CSV-012"}),
        (b"," * 2_000_000, {"CSV-012"}),
        (b'"' * 1_000_001, {"CSV-012"}),
        (b"\r" * 100_000, {"CSV-004"}),
        (b"," * 16_383 + b"\n5012149020,Survey", set()),
        (b"\r\n\n\r" * 1000 + b"5012149020,Survey", set()),
        (b"5012149020,Survey\n2122149020,Survey\r\n2132149020,Survey", set()),
        (b"5012149020,Survey\r2122149020,Survey", set()),
        ("5012149020,Survey\r\n2122149020,Survey".encode("utf-16"), {"CSV-002"}),
        (("🙂" * 100_000).encode(), {"CSV-012"}),
    ],
    ids=range(14),
)
def test_nasty_files(content, found):
    result, _ = check_counts_add_up(content)
    assert set(result.totals) == found


def test_groups_stay_few_with_very_many_different_faults():
    content = "".join(f"x{n},thing {n}\n" for n in range(30_000))
    result = judge_files(content, caps=FindingCaps())
    assert result.totals == {"NUM-002": 30_000, "PUR-002": 30_000}
    assert len(result.groups) <= 40


def test_a_stream_with_short_reads_is_read_to_its_end():
    class ShortReads(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3) if size >= 0 else -1)

    content = f"\ufeff{GOOD_NUMBER},Survey\n2122149020,Survey\n".encode()
    short = source(content)
    short = type(short)(name="a.csv", bytes=len(content), sha256=short.sha256, open=lambda: ShortReads(content))
    assert judge_files(short).files[0].counts.accepted == 2


@pytest.mark.parametrize(
    "record",
    ['"{}" x,Survey', '"{},Survey', '{}",Survey', '{}, "Survey"', '"{}","Sur""vey"', '"{}",Survey,"",""', '""""{}'],
)
def test_broken_quotes_cost_little_more_than_good_rows(record):
    def seconds(row):
        content = "".join(f"{row.format(number)}\n" for number in good_numbers(20_000))
        started = time.process_time()
        judge_files(content, caps=FindingCaps())
        return time.process_time() - started

    # About three times, on an idle machine. The best of three, because other work only slows it down.
    good, broken = (min(seconds(each) for _ in range(3)) for each in ("{},Survey", record))
    assert broken < 8 * good + 0.3


def test_long_rows_with_many_other_separators_cost_little():
    started = time.process_time()
    judge_files(("a;" * 8_000 + ",x\n") * 100, caps=FindingCaps())
    assert time.process_time() - started < 10
