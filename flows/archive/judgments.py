"""A judgment as its page needs it, kept beside the submission's bytes: pages are written anew from it.

Of the rows it has only those that the page shows; all of them are in the submission's CSVs.
"""

import base64
import dataclasses
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

#: Spelled as in the first version, so that what is archived is found.
NAME = "judgement.json"


class NotKept(StoreError):
    """The archive has the judgment no longer: `prune` took it, or it was lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class ShownRows:
    """The rows of a judgment that its page shows, as lines of rejections.csv."""

    lines: list[dict[str, Any]]

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        if self.lines:
            yield pa.RecordBatch.from_pylist(self.lines)

    def accepted(self) -> Iterator[Any]:
        raise NotImplementedError("a judgment read back has no accepted rows")

    def rejected_records(self) -> Iterator[bytes]:
        raise NotImplementedError("a judgment read back has no rejected records")


def keep(archive: FileSink, business: str, submission: str, judgment: Judgment) -> Judgment:
    """Put the judgment beside the bytes it is about; gives it as `recall` will."""
    lines = list(lines_of_shown_rows(judgment))
    values = {name: adapter.dump_python(getattr(judgment, name), mode="json") for name, adapter in _fields().items()}
    values |= {"logo": _logo_out(judgment.logo), "lines": lines}
    archive.put(_key(business, submission), json.dumps(values).encode())
    return dataclasses.replace(judgment, numbers=ShownRows(lines))


def recall(archive: Store, business: str, submission: str) -> Judgment:
    """The judgment as kept. Raises NotKept when there is none."""
    kept = read_object(archive, _key(business, submission))
    if kept is None:
        raise NotKept(f"the judgment of submission {submission} of {business} is not in the archive")
    values = json.loads(kept)
    fields = {name: adapter.validate_python(values[name]) for name, adapter in _fields().items()}
    return Judgment(numbers=ShownRows(values["lines"]), logo=_logo_in(values["logo"]), **fields)


def _logo_out(logo: JudgedLogo | None) -> dict[str, Any] | None:
    return dataclasses.asdict(logo) | {"content": base64.b64encode(logo.content).decode()} if logo else None


def _logo_in(values: dict[str, Any] | None) -> JudgedLogo | None:
    return JudgedLogo(**values | {"content": base64.b64decode(values["content"])}) if values else None


def _key(business: str, submission: str) -> str:
    return f"{business}/{submission}/{NAME}"


@cache
def _fields() -> dict[str, TypeAdapter[Any]]:
    """How each field goes to JSON and back, but for the rows and the logo's bytes."""
    hints = get_type_hints(Judgment, localns={"Numbers": object})
    return {
        f.name: TypeAdapter(hints[f.name]) for f in dataclasses.fields(Judgment) if f.name not in ("numbers", "logo")
    }
