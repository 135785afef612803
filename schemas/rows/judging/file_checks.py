"""The rules about a numbers file as a whole: CSV-001 to CSV-007, PUR-003 and PUR-004."""

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schemas.model.drop import explain_different_sha256
from schemas.model.findings import Finding
from schemas.model.judgment import CHUNK_ROWS
from schemas.model.policy import Policy
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX, PURPOSES
from schemas.rows.reading.csv_records import RecordBlock
from schemas.rows.reading.encoding import DetectedEncoding
from schemas.rows.types import NumbersSource, NumberTerms
from schemas.rules import make_finding

_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "pipes"}
_ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "windows-1252": "Windows-1252",
}
_WITHOUT_BOM = ("utf-16-le", "utf-16-be")


def check_before_reading(source: NumbersSource, policy: Policy, findings: list[Finding]) -> bool:
    """Check CSV-006 and the sha256 of CSV-003. Returns whether to read the file."""
    expected = source.expected_sha256
    if expected is not None and expected.lower() != source.sha256.lower():
        message = explain_different_sha256(source.sha256, expected)
        findings.append(make_finding("CSV-003", message, file=source.name))
    if source.bytes > policy.max_file_bytes:
        message = f"The file has {source.bytes:,} bytes; the limit is {policy.max_file_bytes:,}."
        findings.append(make_finding("CSV-006", message, file=source.name))
        return False
    return True


def check_encoding(source: NumbersSource, detected: DetectedEncoding, findings: list[Finding]) -> bool:
    """Check CSV-001, CSV-002 and CSV-007. Returns whether the file can be decoded."""
    if (kind := detected.kind) is not None:
        findings.append(make_finding("CSV-007", f"This is {kind.name}. {kind.advice}", file=source.name))
        return False
    if detected.fault is not None:
        findings.append(make_finding("CSV-001", _undecodable_message(detected), file=source.name))
        return False
    if detected.encoding != "utf-8":
        findings.append(make_finding("CSV-002", _not_utf8_message(detected), file=source.name))
    return True


def _undecodable_message(detected: DetectedEncoding) -> str:
    name = _ENCODING_NAMES[detected.encoding]
    fault = f"The byte at offset {detected.fault:,} (from 0) is not valid {name}"
    if detected.encoding == "windows-1252":
        return f"{fault}; the file stops being valid UTF-8 at offset {detected.not_utf8:,}."
    if detected.encoding in _WITHOUT_BOM:
        return f"{fault}, although the file looks like UTF-16 without a byte order mark."
    return f"{fault}, although the file has a {name} byte order mark."


def _not_utf8_message(detected: DetectedEncoding) -> str:
    name = _ENCODING_NAMES[detected.encoding]
    if detected.encoding in _WITHOUT_BOM:
        return "The file was read as UTF-16, although it has no byte order mark."
    if detected.not_utf8 is None:
        return f"The file was read as {name}."
    return f"The file was read as {name}, because it stops being valid UTF-8 at byte offset {detected.not_utf8:,}."


def check_row_counts(source: NumbersSource, rows: int, ignored: int, findings: list[Finding]) -> None:
    """Check CSV-004 and the row count of CSV-003, after the whole file was read."""
    records = rows - ignored
    if not records:
        blank_rows = f"only {ignored:,} blank row{'s' * (ignored > 1)}" if ignored else "no rows"
        findings.append(make_finding("CSV-004", f"The file has {blank_rows}.", file=source.name))
    if source.expected_rows is not None and source.expected_rows != records:
        message = (
            f"The file has {_rows(records)}, not counting blank ones, but the manifest says {source.expected_rows:,}."
        )
        findings.append(make_finding("CSV-003", message, file=source.name))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def check_separator(file: str, block: RecordBlock, findings: list[Finding]) -> None:
    """Check CSV-005: most of the file's first records have no comma, but the same other separator.

    `block` is the one with the first record that is not blank.
    """
    first = block.first_record or 0
    starts = block.starts[first : first + CHUNK_ROWS + 1].tolist()
    records = [block.data[start:end] for start, end in pairwise(starts)]
    filled = [record for record in records if record.strip(b'\r\n\t ,"')]
    for separator, name in _SEPARATORS.items():
        pattern = re.compile(rb"\S" + re.escape(separator))
        if 2 * sum(1 for record in filled if b"," not in record and pattern.search(record)) > len(filled):
            findings.append(
                make_finding("CSV-005", f"The columns are separated by {name} instead of commas.", file=file)
            )
            return


def check_accepted_purposes(file: str, accepted: NDArray[np.int64], terms: NumberTerms) -> list[Finding]:
    """Check PUR-003 and PUR-004. `accepted` counts the file's accepted rows by purpose, as in `PURPOSES`."""
    findings = []
    total, do_not_originate = int(accepted.sum()), int(accepted[DO_NOT_ORIGINATE_INDEX])
    if terms.call_purpose in PURPOSES:
        other = total - int(accepted[PURPOSES.index(terms.call_purpose)])
        if other:
            subject = _accepted_rows_have(other, total)
            message = f"{subject} a call purpose other than the program's ({terms.call_purpose})."
            findings.append(make_finding("PUR-003", message, file=file))
    if do_not_originate:
        subject = _accepted_rows_have(do_not_originate, total)
        message = f"{subject} the purpose Do Not Originate: no calls may be made from these numbers."
        findings.append(make_finding("PUR-004", message, file=file))
    return findings


def _accepted_rows_have(count: int, total: int) -> str:
    return f"{count:,} of {total:,} accepted rows {'has' if count == 1 else 'have'}"
