"""Loads the cases in tests/cases: folders with a drop (or a numbers file), and the expected judgment."""

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
from schemas.manifest.businesses_yaml import parse_businesses
from schemas.model.area_codes import AreaCodeList
from schemas.model.business import Business
from schemas.model.drop import Drop, DropFile
from schemas.model.findings import Finding
from schemas.model.judging_context import ExistingProgram, JudgingContext, NumberConflict, PreviousSubmission
from schemas.model.judgment import Judgment
from schemas.model.policy import Policy
from schemas.model.purposes import PURPOSES
from schemas.rows.numbers.area_codes import parse_area_codes

CASES_FOLDER = Path(__file__).parents[1] / "cases"
MANIFEST_NAMES = ("program.yaml", "program.yml")
#: The time at which every case is judged: noon in UTC, 6:00 AM in Chicago.
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One folder. `given` is what the operator and the ledger know, `expected` is the judgment, both as texts."""

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
            return judge_csv(self._file(bare, bare.name), self._policy(), NOW, area_codes=self._area_codes())
        return judge(self._drop(), self._context(), self._policy(), NOW)

    def _inbox(self) -> str | None:
        """The business whose inbox the drop is in; None for a drop outside the inbox."""
        inbox = self.given.get("inbox", "acme-bank")
        return None if inbox == "none" else inbox

    def _drop(self) -> Drop:
        folder, refused = self.folder / "drop", self.given.get("refused", {})
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        files = {name: self._file(path, name) for name, path in paths.items() if name not in refused}
        manifests = tuple(files.pop(name) for name in MANIFEST_NAMES if name in files)
        return Drop(business=self._inbox(), name=self.folder.name, manifests=manifests, files=files, refused=refused)

    def _file(self, path: Path, name: str) -> DropFile:
        content = path.read_bytes().ljust(int(self.given.get("padded", {}).get(name, 0)))
        return DropFile(name=name, bytes=len(content), sha256=_sha256(content), open=partial(io.BytesIO, content))

    def _context(self) -> JudgingContext:
        inbox, removed = self._inbox(), self.given.get("removed_by_replace")
        business = self._business(inbox)
        return JudgingContext(
            business=business,
            is_registered=None if inbox is None else business is not None,
            has_ledger=True,
            program=_program(self.given.get("program")),
            previous=_previous(self.given.get("suspects")),
            claims=ClaimsOfCase(self.given.get("claims", {})),
            do_not_originate=np.sort(np.array(self.given.get("do_not_originate", []), dtype=np.int64)),
            area_codes=self._area_codes(),
            gallery=partial(_gallery, inbox),
            count_removed_by_replace=(lambda _rows: int(removed)) if removed else None,
            read_purposes=self._read_purposes,
        )

    def _business(self, inbox: str | None) -> Business | None:
        """The business. The case can say that logos in the drop are approved."""
        known = {each.id: each for each in parse_businesses((CASES_FOLDER / "businesses.yaml").read_bytes())}
        if inbox not in known:
            return None
        names = self.given.get("approved", ())
        approved = frozenset(self._file(self.folder / "drop" / name, name).sha256 for name in names)
        return dataclasses.replace(known[inbox], approved_logos=approved)

    def _read_purposes(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers that the program has."""
        listed = {int(number): PURPOSES.index(purpose) for number, purpose in self.given.get("numbers", {}).items()}
        known = [number for number in numbers.tolist() if number in listed]
        return np.array(known, dtype=np.int64), np.array([listed[number] for number in known], dtype=np.uint8)

    def _area_codes(self) -> AreaCodeList | None:
        """The operator's list."""
        text = self.given.get("area_codes")
        return AreaCodeList(version="of the case", codes=parse_area_codes(text)) if text else None

    def _policy(self) -> Policy:
        settings: dict[str, Any] = {}
        for name, value in self.given.get("policy", {}).items():
            settings[name] = tuple(value) if isinstance(value, list) else int(value) if value.isdigit() else value
        return Policy(**settings)


@dataclass(frozen=True, slots=True)
class ClaimsOfCase:
    """The conflicts of numbers that a case lists."""

    claims: Mapping[str, Mapping[str, str]]

    def find_conflicts(self, numbers: np.ndarray) -> Mapping[int, NumberConflict]:
        listed = {int(number): claim for number, claim in self.claims.items()}
        return {
            number: NumberConflict(rule=listed[number]["rule"], program=listed[number].get("program"))
            for number in numbers.tolist()
            if number in listed
        }


def load_cases() -> Iterator[Case]:
    """Every case, in the order of its folder."""
    for path in sorted(CASES_FOLDER.glob("*/*/case.yaml")):
        case = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)
        yield Case(folder=path.parent, given=case.get("given", {}), expected=case.get("expected", {}))


def matches_expected(found: Finding, expected: Mapping[str, str]) -> bool:
    """Whether the finding has all expected values. Fields that the case does not mention are not compared."""
    return all(str(getattr(found, key)) == value for key, value in expected.items())


def _program(given: Mapping[str, str] | None) -> ExistingProgram | None:
    if given is None:
        return None
    start, end = (datetime.fromisoformat(given[key]) for key in ("start", "end"))
    return ExistingProgram(
        state=given["state"],
        revision=int(given["revision"]),
        start=start,
        end=end,
        live=given.get("live") == "true",
        numbers=int(given.get("numbers", 0)),
        calls=given.get("calls") == "true",
    )


def _previous(suspects: list[str] | None) -> PreviousSubmission | None:
    """An earlier submission with damaged numbers, of which a spreadsheet would make these."""
    if suspects is None:
        return None
    return PreviousSubmission(id="earlier", open=None, suspects=np.sort(np.array(suspects, dtype=np.int64)))


def _gallery(inbox: str | None, name: str) -> bytes | None:
    path = CASES_FOLDER / "_logos" / (inbox or "") / name
    return path.read_bytes() if path.is_file() else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
