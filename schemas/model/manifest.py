"""A parsed manifest: what a drop says about its program."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.model.business import DisplayName

ProgramType = Literal["INFORM", "INFORM with Logo", "SENTRY"]
NumbersMode = Literal["add", "replace"]
OnRejectedRows = Literal["accept_valid", "hold", "reject"]
RequestedState = Literal["active", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersFile:
    """A numbers CSV that the manifest lists. `path` and `line` are its place in the manifest."""

    file: str
    sha256: str | None = None
    rows: int | None = None
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedNumber:
    """A number typed into the manifest. Both cells are as received."""

    number: str
    call_purpose: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Start and end as aware instants in UTC. `timezone` is the IANA zone to show them in ("UTC" by default)."""

    start: datetime
    end: datetime
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest says. A missing or wrong field is None (or an empty list), and a finding says why."""

    business: str | None = None
    reference: str | None = None
    business_unit: str | None = None
    create_business_unit: bool = False
    program_type: ProgramType | None = None
    name: str | None = None
    call_purpose: str | None = None
    description: str | None = None
    display_name: DisplayName | None = None
    logo: str | None = None
    call_reason: str | None = None
    schedule: Schedule | None = None
    files: tuple[NumbersFile, ...] = ()
    typed: tuple[TypedNumber, ...] = ()
    numbers_mode: NumbersMode = "add"
    on_rejected_rows: OnRejectedRows = "accept_valid"
    max_rejected_percent: float | None = None
    state: RequestedState = "active"
    reassign: bool = False
    hold_until_branded: bool = False
