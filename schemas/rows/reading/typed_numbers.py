"""Numbers typed into the manifest, as if they were the records of a file."""

from collections.abc import Sequence

import numpy as np

from schemas.model.manifest import TypedNumber
from schemas.rows.reading.csv_records import START, RecordBlock


def typed_block(typed: Sequence[TypedNumber]) -> RecordBlock:
    """One block: row is the position among the typed-in numbers, line the manifest's (0 where it is not known)."""
    records = [f"{_quoted(each.number)},{_quoted(each.call_purpose)}\n".encode(errors="replace") for each in typed]
    cells = [cell.encode(errors="replace") for each in typed for cell in (each.number, each.call_purpose)]
    starts = np.cumsum([0, *map(len, records)])
    ends = starts[-1] + np.cumsum([len(cell) for cell in cells])
    return RecordBlock(
        data=b"".join([*records, *cells]),
        offset=0,
        first_row=1,
        after=START,
        starts=starts,
        lines=np.array([each.line or 0 for each in typed], dtype=np.int64),
        cells=np.full(len(typed), 2),
        faults=np.zeros(len(typed), dtype=np.uint8),
        bounds=np.concatenate([np.repeat(starts[:-1], 4), starts[-1:], ends]).astype(np.int32),
        respelt=np.arange(len(typed)),
    )


def _quoted(cell: str) -> str:
    if any(letter in cell for letter in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
