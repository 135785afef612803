"""Judgments in the archive, next to the submission's files. When the ledger changes, reports are written from them.

Of the rows, only those that the report shows are kept. All rejected rows are in the submission's CSVs.
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter

from flows.stores import FileSink, Store, StoreError, read_object
from reports.row_table import lines_of_shown_rows
from schemas.model.judgment import JudgedLogo, Judgment

if TYPE_CHECKING:
    import pyarrow as pa

#: Spelled as in the first release, so that archived judgments are found.
FILE_NAME = "judgement.json"
#: Where judgments of incomplete drops are, below the business's folder. They belong to no submission.
_INCOMPLETE = ".incomplete"


class JudgmentMissing(StoreError):
    """The judgment is no longer in the archive: `prune` deleted it, or it was lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class ShownRows:
    """The rows of a judgment that its report shows, as lines of rejections.csv."""

    lines: list[dict[str, Any]]

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa  # slow to import, and most judgments have no rejections

        if self.lines:
            yield pa.RecordBatch.from_pylist(self.lines)

    def accepted(self) -> Iterator[Any]:
        raise NotImplementedError("a judgment from the archive has no accepted rows")

    def rejected_records(self) -> Iterator[bytes]:
        raise NotImplementedError("a judgment from the archive has no rejected records")


def save_judgment(archive: FileSink, business: str, submission: str, judgment: Judgment) -> Judgment:
    """Save a judgment. Returns it as `load_judgment` will."""
    lines = list(lines_of_shown_rows(judgment))
    values = {name: adapter.dump_python(getattr(judgment, name), mode="json") for name, adapter in _adapters().items()}
    values |= {"logo": _dump_logo(judgment.logo), "lines": lines}
    archive.put(_key(business, submission), json.dumps(values).encode())
    return dataclasses.replace(judgment, numbers=ShownRows(lines))


def load_judgment(archive: Store, business: str, submission: str) -> Judgment:
    """Load a judgment. Raises JudgmentMissing if it is not in the archive."""
    content = read_object(archive, _key(business, submission))
    if content is None:
        raise JudgmentMissing(f"the judgment of submission {submission} of {business} is not in the archive")
    values = json.loads(content)
    known = {name: adapter for name, adapter in _adapters().items() if name in values}  # an older release saved fewer
    fields = {name: adapter.validate_python(values[name]) for name, adapter in known.items()}
    return Judgment(numbers=ShownRows(values["lines"]), logo=_load_logo(values["logo"]), **fields)


def save_incomplete_judgment(archive: FileSink, business: str, drop: str, judgment: Judgment) -> None:
    """Save the judgment of a drop that has not arrived completely, until it is taken or reported again."""
    save_judgment(archive, business, _incomplete_folder(drop), judgment)


def load_incomplete_judgment(archive: Store, business: str, drop: str) -> Judgment:
    """Load the judgment of an incomplete drop. Raises JudgmentMissing."""
    return load_judgment(archive, business, _incomplete_folder(drop))


def delete_incomplete_judgment(archive: Store, business: str, drop: str) -> None:
    """Delete the judgment of a drop that is no longer incomplete."""
    archive.delete(_key(business, _incomplete_folder(drop)))
    archive.remove_empty_folders(f"{business}/{_incomplete_folder(drop)}/")


def _incomplete_folder(drop: str) -> str:
    """A name that is safe in every store, for a drop of any name."""
    return f"{_INCOMPLETE}/{hashlib.blake2b(drop.encode(), digest_size=12).hexdigest()}"


def _dump_logo(logo: JudgedLogo | None) -> dict[str, Any] | None:
    return dataclasses.asdict(logo) | {"content": base64.b64encode(logo.content).decode()} if logo else None


def _load_logo(values: dict[str, Any] | None) -> JudgedLogo | None:
    return JudgedLogo(**values | {"content": base64.b64decode(values["content"])}) if values else None


def _key(business: str, submission: str) -> str:
    return f"{business}/{submission}/{FILE_NAME}"


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    """Converters to and from JSON for all fields but the logo and what has files of its own."""
    hints = get_type_hints(Judgment)
    return {
        f.name: TypeAdapter(hints[f.name])
        for f in dataclasses.fields(Judgment)
        if f.name not in ("numbers", "logo", "open_rejections")
    }
