"""What must be true for any bytes: a verdict, counts that add up, and documents that can be written and read."""

import csv
import hashlib
import io
import json
from collections import Counter
from functools import partial
from pathlib import Path

from reports.csv_documents import rejected_csv, rejections_csv
from reports.json_documents import report_json
from reports.report_page import report_html
from reports.views import SubmissionView
from schemas.judge import judge, judge_csv
from schemas.manifest.businesses_yaml import parse_businesses
from schemas.model.drop import Drop, DropFile
from schemas.model.judging_context import JudgingContext
from schemas.model.judgment import REJECTION_COLUMNS, Judgment
from schemas.model.policy import Policy
from tests.schemas.drop_cases import NOW, load_cases

ROOT = Path(__file__).parents[2]
POLICY = Policy(max_manifest_bytes=1 << 16)
(ACME,) = (each for each in parse_businesses((ROOT / "inbox/businesses.yaml").read_bytes()) if each.id == "acme-bank")

#: The name of the numbers file in every seed manifest that lists one file.
NUMBERS = "numbers.csv"


def file_in_memory(name: str, content: bytes) -> DropFile:
    """A file in memory."""
    return DropFile(
        name=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        open=partial(io.BytesIO, content),
    )


def check_drop(manifest: bytes, numbers: bytes) -> Judgment:
    """Judge a drop of these two files, in the folder of a registered business, and check the judgment."""
    files = {NUMBERS: file_in_memory(NUMBERS, numbers)}
    drop = Drop(business=ACME.id, name="any", manifests=(file_in_memory("program.yaml", manifest),), files=files)
    judgment = judge(drop, JudgingContext(business=ACME, is_registered=True), POLICY, NOW)
    check_judgment(judgment)
    return judgment


def check_numbers(numbers: bytes) -> Judgment:
    """Judge a numbers file without a manifest, and check the judgment."""
    judgment = judge_csv(file_in_memory(NUMBERS, numbers), POLICY, NOW)
    check_judgment(judgment)
    return judgment


def check_judgment(judgment: Judgment) -> None:
    """Check that the judgment's counts add up, and that every document can be written."""
    counts = judgment.counts
    assert judgment.verdict in ("accepted", "accepted_with_rejections", "held", "rejected")
    assert counts.read == counts.accepted + counts.rejected + counts.ignored
    assert counts.accepted == sum(len(block) for block, _ in judgment.numbers.accepted())
    assert judgment.findings_total == sum(total.count for total in judgment.totals)
    view = SubmissionView(id="20261201T120000Z-00000000", digest="0" * 64, received_at=NOW, now=NOW, judgment=judgment)
    assert json.loads(report_json(view))["verdict"] == judgment.verdict
    assert report_html(view).encode()
    _check_rejected_rows(judgment)


def _check_rejected_rows(judgment: Judgment) -> None:
    """rejections.csv has a line for each finding on a row, and rejected.csv is UTF-8."""
    lines = list(csv.DictReader(io.StringIO(b"".join(rejections_csv(judgment)).decode("utf-8-sig"), newline="")))
    assert all(list(line) == list(REJECTION_COLUMNS) for line in lines)
    by_rule = Counter(line["rule"] for line in lines)
    assert all(by_rule[total.id] <= total.count for total in judgment.totals)
    errors = {(line["file"], line["row"]) for line in lines if line["severity"] == "error"}
    assert len(errors) == judgment.counts.rejected
    assert b"".join(rejected_csv(judgment)).decode() is not None


def load_seeds() -> list[tuple[bytes, bytes]]:
    """The manifest and numbers of every sample drop and case, for tests to mutate."""
    folders = [*ROOT.glob("inbox/*/*"), *(case.folder / "drop" for case in load_cases())]
    default = (ROOT / "inbox/acme-bank/1-card-service/program.yaml").read_bytes()
    found = {(_first(folder, "*.y*ml") or default, _first(folder, "*.csv")) for folder in folders}
    found |= {(default, _first(case.folder, "*.csv")) for case in load_cases()}
    return sorted(pair for pair in found if sum(map(len, pair)) < 1 << 14)


def _first(folder: Path, pattern: str) -> bytes:
    return next((path.read_bytes() for path in sorted(folder.glob(pattern))), b"")
