"""The open rejections of each program: in the archive, next to the submission after which they were open."""

import json

import numpy as np

from flows.ledger.core.engine import Connection
from flows.ledger.intake.submissions import find_newest_submission_id
from flows.ledger.programs.numbers import find_present_numbers
from flows.stores import FileSink, Store, read_object
from schemas.model.judging_context import PreviousSubmission
from schemas.model.judgment import OpenRejections
from schemas.rows.open_rejections import OPEN_ROW_DTYPE, suspect_numbers

FILE_NAME = "open-rejections.bin"
#: Raise it when the rows have another meaning. Older files are then not compared.
FORMAT = 1


def save_open_rejections(archive: FileSink, business: str, submission: str, found: OpenRejections) -> None:
    """Save what is open after a submission: a line of JSON, then the rows."""
    header = json.dumps({"format": FORMAT, "cut": found.cut}).encode()
    archive.put(_key(business, submission), header + b"\n" + found.rows.tobytes())


def read_previous_submission(
    conn: Connection, archive: Store, business: str, reference: str, *, apart_from: str | None
) -> PreviousSubmission | None:
    """The newest submission for a program, apart from the one that is judged; None if there is none."""
    newest = find_newest_submission_id(conn, business, reference, apart_from=apart_from)
    if newest is None:
        return None
    found = _load_open_rejections(archive, business, newest)
    suspects = np.zeros(0, dtype=np.int64) if found is None else suspect_numbers(found)
    if len(suspects):
        present, _ = find_present_numbers(conn, business, reference, suspects)
        suspects = np.setdiff1d(suspects, present)
    return PreviousSubmission(id=newest, open=found, suspects=suspects)


def _load_open_rejections(archive: Store, business: str, submission: str) -> OpenRejections | None:
    """None if the file is missing, or was written by another release."""
    content = read_object(archive, _key(business, submission))
    if content is None:
        return None
    header, _, rows = content.partition(b"\n")
    values = json.loads(header)
    if values["format"] != FORMAT:
        return None
    return OpenRejections(rows=np.frombuffer(rows, dtype=OPEN_ROW_DTYPE), cut=values["cut"])


def _key(business: str, submission: str) -> str:
    return f"{business}/{submission}/{FILE_NAME}"
