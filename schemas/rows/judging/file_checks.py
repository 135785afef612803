"""The rules about a numbers file as a whole: CSV-001 to CSV-006, PUR-003 and PUR-004."""

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schemas.model.findings import Finding
from schemas.model.policy import Policy
from schemas.model.purposes import DO_NOT_ORIGINATE, PURPOSES
from schemas.rows.reading.csv_records import CHUNK_ROWS, RecordBlock
from schemas.rows.reading.encoding import DetectedEncoding
from schemas.rows.types import NumbersSource, NumberTerms
from schemas.rules import finding

_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "pipes"}
_NAMES = {"utf-16": "UTF-16", "windows-1252": "Windows-1252", "utf-8": "UTF-8"}
_HASH_SHOWN = 12


def check_before_reading(source: NumbersSource, policy: Policy, findings: list[Finding]) -> bool:
    """CSV-006 and the sha256 of CSV-003; whether the file is to be read at all."""
    expected = source.expected_sha256
    if expected is not None and expected.lower() != source.sha256.lower():
        message = f"The manifest says sha256 {_short(expected)}; what arrived has {_short(source.sha256)}."
        findings.append(finding("CSV-003", message, file=source.name))
    if source.bytes > policy.max_file_bytes:
        message = f"The file has {source.bytes:,} bytes; at most {policy.max_file_bytes:,} are taken."
        findings.append(finding("CSV-006", message, file=source.name))
        return False
    return True


def _short(sha256: str) -> str:
    return f"{sha256[:_HASH_SHOWN].lower()}…"


def check_encoding(source: NumbersSource, reading: DetectedEncoding, findings: list[Finding]) -> bool:
    """CSV-001 and CSV-002; whether the file can be read."""
    if reading.fault is not None:
        findings.append(finding("CSV-001", _undecodable(reading), file=source.name))
        return False
    if reading.encoding != "utf-8":
        findings.append(finding("CSV-002", _other_encoding(reading), file=source.name))
    return True


def _undecodable(reading: DetectedEncoding) -> str:
    where = f"The byte at offset {reading.fault:,} (from 0)"
    if reading.encoding == "windows-1252":
        return f"{where} is no Windows-1252, and the file is not UTF-8 from offset {reading.not_utf8:,} on."
    return f"{where} is no {_NAMES[reading.encoding]}, though the file begins with that encoding's mark."


def _other_encoding(reading: DetectedEncoding) -> str:
    if reading.not_utf8 is None:
        return f"The file was read as {_NAMES[reading.encoding]}."
    return f"The file was read as {_NAMES[reading.encoding]}; it is not UTF-8 from byte offset {reading.not_utf8:,} on."


def check_row_counts(source: NumbersSource, rows: int, ignored: int, findings: list[Finding]) -> None:
    """CSV-004 and the rows of CSV-003, when the file was read to its end."""
    records = rows - ignored
    if not records:
        message = (
            f"The file has nothing but {ignored:,} blank row{'s' * (ignored > 1)}."
            if ignored
            else "The file has no rows."
        )
        findings.append(finding("CSV-004", message, file=source.name))
    if source.expected_rows is not None and source.expected_rows != records:
        message = f"The manifest says {source.expected_rows:,} rows; the file has {records:,}, blank ones not counted."
        findings.append(finding("CSV-003", message, file=source.name))


def check_separator(file: str, block: RecordBlock, findings: list[Finding]) -> None:
    """CSV-005, where most records of the first chunk with any have no comma but the same other separator."""
    starts = block.starts[: CHUNK_ROWS + 1].tolist()
    records = [block.data[start:end] for start, end in pairwise(starts)]
    filled = [record for record in records if record.strip(b"\r\n\t ,")]
    for separator, name in _SEPARATORS.items():
        pattern = re.compile(b"[^,]*[^,\\s]" + re.escape(separator) + b"[^,]*")
        if 2 * sum(1 for record in filled if pattern.fullmatch(record)) > len(filled):
            findings.append(finding("CSV-005", f"The columns are separated by {name}, not by commas.", file=file))
            return


def check_accepted_purposes(file: str, accepted: NDArray[np.int64], terms: NumberTerms) -> list[Finding]:
    """PUR-003 and PUR-004. `accepted` counts the file's accepted rows by purpose, as in `PURPOSES`."""
    findings = []
    total, marked = int(accepted.sum()), int(accepted[DO_NOT_ORIGINATE])
    if terms.call_purpose in PURPOSES:
        other = total - int(accepted[PURPOSES.index(terms.call_purpose)])
        if other:
            message = f"{_rows(other, total)} another call purpose than the program's, {terms.call_purpose}."
            findings.append(finding("PUR-003", message, file=file))
    if marked:
        message = f"{_rows(marked, total)} the purpose Do Not Originate: no call may be made from these numbers."
        findings.append(finding("PUR-004", message, file=file))
    return findings


def _rows(count: int, total: int) -> str:
    return f"{count:,} of {total:,} accepted rows {'has' if count == 1 else 'have'}"
