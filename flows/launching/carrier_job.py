"""One errand to the carrier: a launch, an end or a branding, each step written down in the ledger before and after.

Cut short anywhere, the errand goes on where it stopped: what was sent without an answer is sent again under its key,
where the carrier honours keys, and asked after elsewhere.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flows.carriers import (
    Branding,
    Carrier,
    CarrierDown,
    CarrierGone,
    CarrierLogo,
    CarrierProgram,
    CarrierRefused,
    Number,
)
from flows.ledger.core.control_flags import count_up
from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import LeaseLost
from flows.ledger.launches.batches import NumberBatch, mark_not_sent, mark_sent, mark_unknown, open_batches, record
from flows.ledger.launches.endings import branded, ended
from flows.ledger.launches.jobs import Errand, Shown, ShownLogo, beat, created
from flows.ledger.launches.launches import fail, finish, news
from schemas.model.manifest import ProgramType
from schemas.model.purposes import PURPOSES


class EndCame(Exception):
    """The program's end came while it was being launched: what is left of the launch is not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What it takes to reach the carrier. `logo` gives the bytes of an approved image, None where they are lost."""

    ledger: Ledger
    carrier: Carrier
    clock: Callable[[], datetime]
    logo: Callable[[ShownLogo], bytes | None]


def launch(way: Way, errand: Errand) -> str | None:
    """Put one revision live; None when it is, else why it failed.

    Raises CarrierDown or CarrierUnsure, the launch then goes on later; EndCame; LeaseLost, it is somebody else's.
    """
    reason: str | None = None
    refused = False
    try:
        id = _place(way, errand)
        unknown = _send_batches(way, errand, id)
        if unknown:
            reason = f"whether the carrier took {unknown} numbers is unknown: look there; a retry sends them again"
    except CarrierRefused as refusal:
        reason, refused = str(refusal), True
    with way.ledger.begin() as conn:
        if refused:
            count_up(conn, "carrier_errors", "refused")
        if reason is None:
            finish(conn, [errand], now=way.clock())
        else:
            fail(conn, errand, reason, now=way.clock())
    return reason


def end(way: Way, errand: Errand) -> None:
    """End one program at the carrier; one that is not there is ended. Raises any CarrierError, or LeaseLost."""
    id = errand.carrier_id or _find(way, errand)
    if id is not None:
        # Ending is final, so its key is the same whoever asks and however often.
        key = _key(errand, "end", id, errand.start, errand.end)
        with suppress(CarrierGone):
            way.carrier.end(id, _program(errand), key=key)
    with way.ledger.begin() as conn:
        ended(conn, [errand], now=way.clock())


def brand(way: Way, errand: Errand) -> None:
    """Tell the carrier what one live program shows now. Raises any CarrierError, or LeaseLost."""
    id = errand.carrier_id or _find(way, errand)
    if id is None:
        raise CarrierGone("the carrier has no such program")
    _brand(way, errand, id)
    with way.ledger.begin() as conn:
        branded(conn, [errand], now=way.clock())


@contextmanager
def kept(way: Way, errand: Errand, length: timedelta) -> Iterator[None]:
    """Keep an errand's lease alive for the time of the block; one that was lost is noticed by what it still writes."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(length.total_seconds() / 3):
            try:
                with way.ledger.begin() as conn:
                    beat(conn, [errand], until=way.clock() + length)
            except LeaseLost:
                return
            except Exception:  # noqa: S112  a ledger out of reach for a moment: the next beat may come in time
                continue

    heart = threading.Thread(target=keep, daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def _place(way: Way, errand: Errand) -> str:
    """The program's id at the carrier, which has its facts and its branding afterwards."""
    program, id = _program(errand), errand.carrier_id
    with way.ledger.read() as conn:
        told = news(conn, errand)
    if id is None and errand.revision > 1:
        # An earlier revision may have made it, under a key of its own, and lost the answer.
        id = _find(way, errand)
    if id is None:
        id = way.carrier.create(program, key=_key(errand, "create", program))
    elif told.facts:
        way.carrier.update(id, program, key=_key(errand, "update", errand.token, program))
    if id != errand.carrier_id:
        with way.ledger.begin() as conn:
            created(conn, errand, id)
    if told.branding:
        _brand(way, errand, id)
    return id


def _find(way: Way, errand: Errand) -> str | None:
    found = way.carrier.find(_program(errand))
    return found.id if found else None


def _brand(way: Way, errand: Errand, id: str) -> None:
    branding = _branding(way, errand.shown) if errand.shown else None
    way.carrier.set_branding(id, branding, key=_key(errand, "branding", errand.token, errand.shown))


def _send_batches(way: Way, errand: Errand, id: str) -> int:
    """Send what is still to be sent, in order; how many numbers stay unknown."""
    with way.ledger.read() as conn:
        batches = open_batches(conn, errand)
    unknown = 0
    for batch in batches:
        if way.clock() >= errand.end:
            raise EndCame
        there = id if batch.reference == errand.reference else batch.carrier_id
        if _can_be_sent(way, errand, batch):
            _send(way, errand, batch, there)
        else:
            unknown += len(batch.numbers)
    return unknown


def _can_be_sent(way: Way, errand: Errand, batch: NumberBatch) -> bool:
    """Whether sending it cannot count twice; if it may, and the carrier cannot tell, it is shown to the operator.

    A carrier without keys that can be asked for its numbers is asked by its own `add_numbers`. Where it cannot, the
    operator's retry says that the batch is to be sent again.
    """
    retried = batch.state == "unknown" and not errand.resumed
    if batch.state == "planned" or way.carrier.honours_keys or retried:
        return True
    found = way.carrier.find(_program(errand), batch.numbers.tolist())
    if found is None or found.numbers is not None:
        return True
    if batch.state != "unknown":
        with way.ledger.begin() as conn:
            mark_unknown(conn, errand, batch, "its answer was lost and the carrier cannot be asked", way.clock())
    return False


def _send(way: Way, errand: Errand, batch: NumberBatch, id: str | None) -> None:
    with way.ledger.begin() as conn:
        mark_sent(conn, errand, batch, way.clock())
    try:
        refused = _call(way.carrier, batch, id)
    except (CarrierDown, CarrierRefused) as error:
        # Nothing of it happened, unless an earlier try of it did and the carrier could only not be asked now.
        if batch.state == "planned" or isinstance(error, CarrierRefused):
            with way.ledger.begin() as conn:
                mark_not_sent(conn, errand, batch)
        raise
    with way.ledger.begin() as conn:
        record(conn, errand, batch, refused, way.clock())


def _call(carrier: Carrier, batch: NumberBatch, id: str | None) -> dict[int, str]:
    """Send a batch; the refused numbers with their reasons."""
    numbers = batch.numbers.tolist()
    if batch.kind == "remove":
        if id is not None:  # a giver of whom the carrier has nothing has nothing to give there
            carrier.remove_numbers(id, numbers, key=batch.key)
        return {}
    if id is None:
        raise CarrierGone("the carrier has no such program")
    purposes = (PURPOSES[purpose] for purpose in batch.purposes.tolist())
    members = [Number(number, purpose) for number, purpose in zip(numbers, purposes, strict=True)]
    return dict(carrier.add_numbers(id, members, key=batch.key))


def _branding(way: Way, shown: Shown) -> Branding:
    """What the carrier is to show. Raises CarrierRefused when the logo's bytes are not those that were approved."""
    logo = None
    if shown.logo is not None:
        svg = way.logo(shown.logo)
        if svg is None or hashlib.sha256(svg).hexdigest() != shown.logo.sha256:
            raise CarrierRefused(f"the approved bytes of the logo {shown.logo.name} are not in the archive")
        logo = CarrierLogo(sha256=shown.logo.sha256, svg=svg)
    return Branding(display_name=shown.display_name, logo=logo, call_reason=shown.call_reason)


def _program(errand: Errand) -> CarrierProgram:
    return CarrierProgram(
        business=errand.business,
        reference=errand.reference,
        business_unit=errand.business_unit,
        type=cast(ProgramType, errand.type),
        name=errand.name,
        call_purpose=errand.call_purpose,
        description=errand.description,
        start=errand.start,
        end=errand.end,
        timezone=errand.timezone,
    )


def _key(errand: Errand, call: str, *says: object) -> str:
    """The key of one call: the same for the same call of the same errand, whoever goes on with it."""
    name = f"{errand.business}/{errand.reference} {errand.revision} {call} {says!r}"
    return hashlib.sha256(name.encode()).hexdigest()[:40]
