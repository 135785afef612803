"""The cases of tests/cases: each a folder with a drop (or a bare numbers file), and what judging it must give."""

import dataclasses
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from schemas.judge import judge, judge_csv
from schemas.manifest.businesses_yaml import read_businesses
from schemas.model.business import Business
from schemas.model.drop import Conflict, Drop, DropFile, Known, Program
from schemas.model.findings import Finding
from schemas.model.judgment import Judgment
from schemas.model.policy import Policy

ROOT = Path(__file__).parents[1] / "cases"
MANIFESTS = ("program.yaml", "program.yml")
#: When every case is judged: noon in UTC, six in the morning in Chicago.
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One folder. `given` is what the operator and the ledger know, `expected` what must come out; both as text."""

    folder: Path
    given: Mapping[str, Any]
    expected: Mapping[str, Any]

    @property
    def rule(self) -> str:
        return self.folder.parent.name

    @property
    def breaks(self) -> bool:
        return self.folder.name.startswith("breaks-")

    def __str__(self) -> str:
        return f"{self.rule}/{self.folder.name}"

    def judge(self) -> Judgment:
        bare = next(self.folder.glob("*.csv"), None)
        if bare:
            return judge_csv(self._file(bare, bare.name), self._policy())
        return judge(self._drop(), self._known(), self._policy(), NOW)

    def _inbox(self) -> str | None:
        """The business in whose inbox the drop lies."""
        inbox = self.given.get("inbox", "acme-bank")
        return None if inbox == "none" else inbox

    def _drop(self) -> Drop:
        folder, refused = self.folder / "drop", self.given.get("refused", {})
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        files = {name: self._file(path, name) for name, path in paths.items() if name not in refused}
        manifests = tuple(files.pop(name) for name in MANIFESTS if name in files)
        return Drop(business=self._inbox(), name=self.folder.name, manifests=manifests, files=files, refused=refused)

    def _file(self, path: Path, name: str) -> DropFile:
        content = path.read_bytes().ljust(int(self.given.get("padded", {}).get(name, 0)))
        return DropFile(name=name, bytes=len(content), sha256=_sha256(content), open=partial(io.BytesIO, content))

    def _known(self) -> Known:
        inbox, removed = self._inbox(), self.given.get("removed_by_replace")
        business = self._business(inbox)
        return Known(
            business=business,
            registered=None if inbox is None else business is not None,
            ledger=True,
            program=_program(self.given.get("program")),
            claims=Taken(self.given.get("claims", {})),
            do_not_originate=np.sort(np.array(self.given.get("do_not_originate", []), dtype=np.int64)),
            gallery=partial(_gallery, inbox),
            removed_by_replace=(lambda _rows: int(removed)) if removed else None,
        )

    def _business(self, inbox: str | None) -> Business | None:
        """The business, with the images of the drop that are said to be approved."""
        known = {each.id: each for each in read_businesses((ROOT / "businesses.yaml").read_bytes())}
        if inbox not in known:
            return None
        names = self.given.get("approved", ())
        approved = frozenset(self._file(self.folder / "drop" / name, name).sha256 for name in names)
        return dataclasses.replace(known[inbox], approved_logos=approved)

    def _policy(self) -> Policy:
        settings: dict[str, Any] = {}
        for name, value in self.given.get("policy", {}).items():
            settings[name] = tuple(value) if isinstance(value, list) else int(value) if value.isdigit() else value
        return Policy(**settings)


@dataclass(frozen=True, slots=True)
class Taken:
    """Numbers that this program may not have, as a case lists them."""

    claims: Mapping[str, Mapping[str, str]]

    def conflicts(self, numbers: np.ndarray) -> Mapping[int, Conflict]:
        listed = {int(number): claim for number, claim in self.claims.items()}
        return {
            number: Conflict(rule=listed[number]["rule"], program=listed[number].get("program"))
            for number in numbers.tolist()
            if number in listed
        }


def cases() -> Iterator[Case]:
    """Every case, by its folder's name."""
    for path in sorted(ROOT.glob("*/*/case.yaml")):
        told = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)
        yield Case(folder=path.parent, given=told.get("given", {}), expected=told.get("expected", {}))


def matches(found: Finding, expected: Mapping[str, str]) -> bool:
    """Whether the finding says all that is expected of it; what the case does not mention does not matter."""
    return all(str(getattr(found, key)) == value for key, value in expected.items())


def _program(told: Mapping[str, str] | None) -> Program | None:
    if told is None:
        return None
    start, end = (datetime.fromisoformat(told[key]) for key in ("start", "end"))
    return Program(
        state=told["state"],
        revision=int(told["revision"]),
        start=start,
        end=end,
        live=told.get("live") == "true",
        numbers=int(told.get("numbers", 0)),
        calls=told.get("calls") == "true",
    )


def _gallery(inbox: str | None, name: str) -> bytes | None:
    path = ROOT / "_logos" / (inbox or "") / name
    return path.read_bytes() if path.is_file() else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
