"""What must hold whatever bytes arrive: a verdict, counts that add up, and documents that can be written and read."""

import csv
import hashlib
import io
import json
from collections import Counter
from functools import partial
from pathlib import Path

from reports.csv_documents import COLUMNS, rejected_csv, rejections_csv
from reports.json_documents import report_json
from reports.report_page import report_html
from reports.views import SubmissionView
from schemas.judge import judge, judge_csv
from schemas.manifest.businesses_yaml import read_businesses
from schemas.model.drop import Drop, DropFile, Known
from schemas.model.judgment import Judgment
from schemas.model.policy import Policy
from tests.schemas.drop_cases import NOW, cases

ROOT = Path(__file__).parents[2]
POLICY = Policy(max_manifest_bytes=1 << 16)
(ACME,) = (each for each in read_businesses((ROOT / "inbox/businesses.yaml").read_bytes()) if each.id == "acme-bank")

#: What the numbers are called in every manifest of the seeds that has one file.
NUMBERS = "numbers.csv"


def file(name: str, content: bytes) -> DropFile:
    """A file of a drop, in memory."""
    return DropFile(
        name=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        open=partial(io.BytesIO, content),
    )


def check_drop(manifest: bytes, numbers: bytes) -> Judgment:
    """Judge a drop of these two files in the inbox of a known business, and see that all adds up."""
    files = {NUMBERS: file(NUMBERS, numbers)}
    drop = Drop(business=ACME.id, name="any", manifests=(file("program.yaml", manifest),), files=files)
    judgment = judge(drop, Known(business=ACME, registered=True), POLICY, NOW)
    check(judgment)
    return judgment


def check_numbers(numbers: bytes) -> Judgment:
    """Judge a bare numbers file, and see that all adds up."""
    judgment = judge_csv(file(NUMBERS, numbers), POLICY)
    check(judgment)
    return judgment


def check(judgment: Judgment) -> None:
    """See that a judgment adds up and can be told in every document."""
    counts = judgment.counts
    assert judgment.verdict in ("accepted", "accepted_with_rejections", "held", "rejected")
    assert counts.read == counts.accepted + counts.rejected + counts.ignored
    assert counts.accepted == sum(len(block) for block, _ in judgment.numbers.accepted())
    assert judgment.findings_total == sum(total.count for total in judgment.totals)
    view = SubmissionView(id="20261201T120000Z-00000000", digest="0" * 64, received_at=NOW, now=NOW, judgment=judgment)
    assert json.loads(report_json(view))["verdict"] == judgment.verdict
    assert report_html(view).encode()
    _check_records(judgment)


def _check_records(judgment: Judgment) -> None:
    """rejections.csv has a line for each finding on a record; rejected.csv is text, and nothing in it is accepted."""
    told = list(csv.DictReader(io.StringIO(b"".join(rejections_csv(judgment)).decode("utf-8-sig"), newline="")))
    assert all(list(line) == list(COLUMNS) for line in told)
    lines = Counter(line["rule"] for line in told)
    assert all(lines[total.id] <= total.count for total in judgment.totals)
    errors = {(line["file"], line["row"]) for line in told if line["severity"] == "error"}
    assert len(errors) == judgment.counts.rejected
    assert b"".join(rejected_csv(judgment)).decode() is not None


def seeds() -> list[tuple[bytes, bytes]]:
    """(manifest, numbers) of every sample drop and case: what to mutate."""
    folders = [*ROOT.glob("inbox/*/*"), *(case.folder / "drop" for case in cases())]
    plain = (ROOT / "inbox/acme-bank/1-card-service/program.yaml").read_bytes()
    found = {(_first(folder, "*.y*ml") or plain, _first(folder, "*.csv")) for folder in folders}
    found |= {(plain, _first(case.folder, "*.csv")) for case in cases()}
    return sorted(pair for pair in found if sum(map(len, pair)) < 1 << 14)


def _first(folder: Path, pattern: str) -> bytes:
    return next((path.read_bytes() for path in sorted(folder.glob(pattern))), b"")
