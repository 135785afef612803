"""Where launched programs go: one small interface, with three implementations.

A carrier does not know the ledger. It gets frozen values, and returns its own id of a program and the numbers it
refused. If a call fails, the error says what is known about its outcome: nothing happened (`CarrierDown`), unknown
(`CarrierUnsure`), or refused for good (`CarrierRefused`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from flows.masking import mask
from schemas.model.business import DisplayName
from schemas.model.manifest import ProgramType


class CarrierError(Exception):
    """A call to the carrier did not succeed. The message contains no whole phone number."""


class CarrierDown(CarrierError):
    """Nothing happened at the carrier: it cannot be reached, or asks to wait `retry_after` seconds (if it says)."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class CarrierUnsure(CarrierError):
    """The call was sent but its answer was lost, so its outcome is unknown."""


class CarrierRefused(CarrierError):
    """The carrier will not do this, now or later. The message is its reason, which the business may read."""


class CarrierGone(CarrierRefused):
    """The carrier does not have this program, or no longer has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierProgram:
    """A program's facts for the carrier. `business` and `reference` together are its permanent name.

    `start` and `end` have a time zone; `timezone` is the IANA zone to show them in.
    """

    business: str
    reference: str
    business_unit: str
    type: ProgramType
    name: str
    call_purpose: str
    description: str
    start: datetime
    end: datetime
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierLogo:
    """An approved image: the bytes of an SVG and their sha256 in hex."""

    sha256: str
    svg: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """What a called phone shows. All of it is approved."""

    display_name: DisplayName
    logo: CarrierLogo | None = None
    call_reason: str | None = None


class CarrierNumber(NamedTuple):
    """A number (ten digits) and the call purpose it is registered with."""

    number: int
    call_purpose: str


class Refusal(NamedTuple):
    """A number that the carrier refused, and its reason, which contains no whole phone number."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProgram:
    """A program that the carrier has. `numbers` are those asked about that it has; None if it cannot tell."""

    id: str
    numbers: frozenset[int] | None


class Carrier(Protocol):
    """One way to put programs live. Any call may raise the `CarrierError`s above, and nothing else.

    `key` is an idempotency key. If `honors_keys`, a repeated call with the same key has no further effect, so a call
    whose answer was lost can be sent again. Otherwise `find` is called first.

    `embedded`: a call is cheap and has no effect outside the ledger, so outcomes may be recorded together.
    """

    honors_keys: bool
    embedded: bool

    def cooldown_left(self) -> float:
        """Seconds until the carrier should be called again after a failure; 0 if it can be called now."""
        ...

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        """What the carrier has of this program; None if it does not have it."""
        ...

    def create(self, program: CarrierProgram, *, key: str) -> str:
        """Create the program without numbers and branding. Returns its id at the carrier."""
        ...

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None:
        """Change the facts of an existing program: its schedule, name, description."""
        ...

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        """Add at most 500 numbers. A number that the program already has gets the new call purpose."""
        ...

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None:
        """Remove at most 500 numbers. Numbers that the program does not have are ignored."""
        ...

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None:
        """Set what called phones show from now on; None for nothing."""
        ...

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None:
        """End the program and free its numbers. Ending it twice is not an error."""
        ...

    def close(self) -> None:
        """Close connections. The carrier is not used afterwards."""
        ...


_MAX_REASON_LENGTH = 200


def clean_reason(text: str) -> str:
    """A reason from a carrier, safe to store: printable, cut to 200 characters, phone numbers masked."""
    printable = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return mask(printable)[:_MAX_REASON_LENGTH]
