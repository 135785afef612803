"""Where launched programs go: one small interface, three ways behind it.

The only home of the HTTP client. A carrier knows nothing of the ledger: it is handed frozen values, and hands back its
own id of a program and the numbers it refused. What goes wrong is one of three errors, by what is known of the fate of
the call: nothing happened (`CarrierDown`), unknown (`CarrierUnsure`), or refused for good (`CarrierRefused`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from flows.masking import mask
from schemas.model.business import DisplayName
from schemas.model.manifest import ProgramType

#: The most numbers one call carries; the portal's limit per upload.
BATCH = 500


class CarrierError(Exception):
    """A call to the carrier did not succeed. The text holds no whole phone number."""


class CarrierDown(CarrierError):
    """Nothing happened at the carrier: it cannot be reached, or asks to wait. `retry_after` is in seconds, if told."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class CarrierUnsure(CarrierError):
    """The call was sent and its answer lost, so whether it happened is unknown."""


class CarrierRefused(CarrierError):
    """The carrier will not do this, now or later; the text is its reason, fit for the business to read."""


class CarrierGone(CarrierRefused):
    """The carrier has no such program, or has it no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierProgram:
    """The facts of a program as a carrier is told them. `start` and `end` are aware; `timezone` is to show them in.

    `business` and `reference` together name the program for good.
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
    """What a called phone shows, all of it approved."""

    display_name: DisplayName
    logo: CarrierLogo | None = None
    call_reason: str | None = None


class CarrierNumber(NamedTuple):
    """A number (ten digits) and the call purpose it is registered with."""

    number: int
    call_purpose: str


class Refusal(NamedTuple):
    """A number the carrier would not take, and why; the reason holds no whole phone number."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProgram:
    """What a carrier has under a program's name. `numbers` are those of the asked that it has; None: it cannot tell."""

    id: str
    numbers: frozenset[int] | None


class Carrier(Protocol):
    """One way to put programs live. Every call may raise one of the three `CarrierError`s, and nothing else.

    `key` names one call for good: where `honors_keys`, the same call under the same key happens once, however often it
    is sent, so a call whose answer was lost is sent again; elsewhere `find` is asked first.
    `embedded`: a call costs nothing and has no effect outside the ledger, so outcomes may be recorded together.
    """

    honors_keys: bool
    embedded: bool

    def cooldown_left(self) -> float:
        """Seconds for which it is not to be asked, as it failed lately; 0: it may be asked."""
        ...

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        """What the carrier has of this program; None: nothing."""
        ...

    def create(self, program: CarrierProgram, *, key: str) -> str:
        """Make the program, without numbers and unbranded; its id at the carrier comes back."""
        ...

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None:
        """Change the facts of a program that is there: its schedule, name, description."""
        ...

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        """Add at most `BATCH` numbers, or give those that are there already their new call purpose."""
        ...

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None:
        """Take at most `BATCH` numbers out; one that is not there is no fault."""
        ...

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None:
        """Show this on called phones from now on; None: nothing."""
        ...

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None:
        """End the program and free its numbers; ending twice is no fault."""
        ...

    def close(self) -> None:
        """Let go of connections; the carrier is not used after."""
        ...


_REASON_SHOWN = 200


def clean_reason(text: str) -> str:
    """A carrier's words made fit to keep: printable, cut to 200 characters, phone numbers in them masked."""
    printable = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return mask(printable)[:_REASON_SHOWN]
