"""rejections.csv stays small for tiny rows, and says how many findings it leaves out."""

import csv
import io
from dataclasses import replace

import pytest

from reports.csv_documents import rejections_csv
from schemas.model.judgment import RuleTotal
from schemas.rows import second_pass
from schemas.rows.findings import listing_limit
from schemas.rows.rule_codes import ROW_RULES
from tests.reports import samples
from tests.schemas.rows.judging_in_memory import judge_files

#: Characters that take more bytes in rejections.csv than in the drop.
GROWING = ("x", '5"1', 'x""""', "=\t=", '"a ""quoted"" cell",=1', "é" * 9, "1" * 300)


def judged(content):
    result = judge_files(content)
    totals = [
        RuleTotal(id=rule, name=rule, severity="error", count=result.totals[rule], fix="")
        for rule in ROW_RULES
        if rule in result.totals
    ]
    return replace(samples.rejected().judgment, rows=result.rows, totals=tuple(totals), numbers=result)


@pytest.mark.parametrize("row", GROWING)
def test_rejections_csv_is_cut_below_its_limit(monkeypatch, row):
    monkeypatch.setattr(listing_limit, "BYTES_OF_ANY", 20_000)
    monkeypatch.setattr(listing_limit, "TIMES_AS_LARGE", 1)
    judgment = judged(f"{row}\n" * 500)
    written = b"".join(rejections_csv(judgment))
    lines = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    total = sum(each.count for each in judgment.totals)
    assert judgment.rows.unlisted > 0
    assert len(lines) - 1 == total - judgment.rows.unlisted
    assert len(written) <= max(20_000, 500 * len(f"{row}\n".encode())) + 200


def test_a_listing_of_usual_rows_is_complete():
    judgment = judged("x\n" * 500)
    assert judgment.rows.unlisted == 0
    assert b"".join(rejections_csv(judgment)).count(b"\n") == 501


def test_a_drop_of_tiny_rows_is_held_to_fifty_times_its_size():
    content = "x\n" * 300_000
    judgment = judged(content)
    written = sum(map(len, rejections_csv(judgment)))
    rejected = b"".join(judgment.numbers.rejected_records())
    assert rejected.decode() == content
    assert written + len(rejected) < 100_000_000


def test_many_findings_are_compressed_in_their_temporary_file(monkeypatch):
    content = "x\n" * 3_000
    plain = judge_files(content)
    monkeypatch.setattr(second_pass, "UNCOMPRESSED_BYTES", -1)
    compressed = judge_files(content)
    assert compressed._rejections.size < plain._rejections.size / 4
    assert list(compressed.rejections()) == list(plain.rejections())
