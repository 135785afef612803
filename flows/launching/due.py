"""Launching: all that is due at the carrier, oldest first, never before its start; cut short, it goes on from there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

import numpy as np

from flows.arrival.leases import gone, this_owner
from flows.carriers import Carrier, CarrierDown, CarrierError, CarrierUnsure
from flows.launching.carrier_job import EndCame, Way, brand, end, kept, launch
from flows.ledger.core.control_flags import count_up
from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import LeaseLost
from flows.ledger.launches.batches import record_all
from flows.ledger.launches.endings import branded, claim_brandings, claim_endings, ended
from flows.ledger.launches.jobs import Claimant, Errand, ShownLogo, let_go
from flows.ledger.launches.launches import claim_due, finish, miss
from flows.logs import about

log = logging.getLogger(__name__)

#: How late a start may be and still count as kept, where a missed one is to be held.
PUNCTUAL = timedelta(minutes=5)

#: How long an errand rests that could not be done, though the carrier was there.
LATER = timedelta(seconds=30)

#: How long an end or a branding rests that the carrier refused: somebody must look first.
REFUSED_FOR = timedelta(hours=1)

#: Problems told in a summary; the rest is only counted and logged.
TOLD = 20


def patience(on_missed_start: str, deadline: timedelta) -> timedelta:
    """How late a launch may be before it is missed, by the settings ON_MISSED_START and LAUNCH_DEADLINE."""
    return deadline if on_missed_start == "launch_late" else min(PUNCTUAL, deadline)


def no_logo(_logo: ShownLogo) -> None:
    """Where no archive is at hand, no image can be shown."""


@dataclass(slots=True, kw_only=True)
class LaunchSummary:
    """What one pass did, in programs. `problems` are lines for the operator, the first of `problems_total`.

    `asked_again_at`: the carrier did not answer as it should, and is left alone until then.
    """

    live: int = 0
    failed: int = 0
    missed: int = 0
    ended: int = 0
    branded: int = 0
    problems: list[str] = field(default_factory=list)
    problems_total: int = 0
    asked_again_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether anything moved, so that receipts and pages are to be written anew."""
        return bool(self.live or self.failed or self.missed or self.ended or self.branded or self.problems_total)

    def problem(self, line: str) -> None:
        log.warning("launch: %s", line)
        self.problems_total += 1
        if len(self.problems) < TOLD:
            self.problems.append(line)


class _Terms(TypedDict):
    patience: timedelta
    do_not_originate: np.ndarray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    way: Way
    claimant: Claimant
    patience: timedelta
    do_not_originate: np.ndarray | None
    stopping: Callable[[], bool]
    summary: LaunchSummary

    def now(self) -> datetime:
        return self.way.clock()

    def terms(self) -> _Terms:
        return {"patience": self.patience, "do_not_originate": self.do_not_originate}


class _CarrierRests(Exception):
    """The carrier is not to be asked any more in this pass."""


def launch_due(
    ledger: Ledger,
    carrier: Carrier,
    *,
    clock: Callable[[], datetime],
    patience: timedelta,
    lease: timedelta = timedelta(seconds=60),
    do_not_originate: np.ndarray | None = None,
    logo: Callable[[ShownLogo], bytes | None] = no_logo,
    owner: str | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> LaunchSummary:
    """Do everything that is due: give up what is missed, end what is over, launch, brand.

    A pass may be cut short at any point, and several may run at once. It stops when the carrier is down; the rest is
    the next pass's, which does not ask either before `asked_again_at`. `do_not_originate` is sorted int64; `logo` gives
    approved images; `stopping` is asked between programs.
    """
    claimant = Claimant(owner=owner or this_owner(), length=lease, gone=gone)
    this = _Pass(
        way=Way(ledger=ledger, carrier=carrier, clock=clock, logo=logo),
        claimant=claimant,
        patience=patience,
        do_not_originate=do_not_originate,
        stopping=stopping,
        summary=LaunchSummary(),
    )
    with ledger.begin() as conn:
        this.summary.missed = len(miss(conn, now=clock(), patience=patience))
    steps = (_book_endings, _book_launches, _book_brandings) if carrier.embedded else (_endings, _launches, _brandings)
    try:
        for step in steps:
            step(this)
    except _CarrierRests:
        this.summary.asked_again_at = clock() + timedelta(seconds=max(carrier.rests(), 1.0))
    return this.summary


def _book_launches(this: _Pass) -> None:
    """The embedded carrier's book is the ledger itself, so many programs go live in one transaction."""

    def book() -> int:
        with this.way.ledger.begin() as conn:
            errands = claim_due(conn, this.claimant, now=this.now(), **this.terms())
            if errands:
                record_all(conn, errands, this.now())
                finish(conn, errands, now=this.now())
        return len(errands)

    this.summary.live += _booked(this, book)


def _book_endings(this: _Pass) -> None:
    def book() -> int:
        with this.way.ledger.begin() as conn:
            errands = claim_endings(conn, this.claimant, now=this.now())
            ended(conn, errands, now=this.now())
        return len(errands)

    this.summary.ended += _booked(this, book)


def _book_brandings(this: _Pass) -> None:
    def book() -> int:
        with this.way.ledger.begin() as conn:
            errands = claim_brandings(conn, this.claimant, now=this.now())
            branded(conn, errands, now=this.now())
        return len(errands)

    this.summary.branded += _booked(this, book)


def _booked(this: _Pass, book: Callable[[], int]) -> int:
    total = 0
    while not this.stopping() and (count := book()):
        total += count
    return total


def _endings(this: _Pass) -> None:
    def claim() -> list[Errand]:
        with this.way.ledger.begin() as conn:
            return claim_endings(conn, this.claimant, now=this.now(), limit=1)

    def run(errand: Errand) -> None:
        end(this.way, errand)
        this.summary.ended += 1

    _each(this, claim, run)


def _launches(this: _Pass) -> None:
    def claim() -> list[Errand]:
        with this.way.ledger.begin() as conn:
            return claim_due(conn, this.claimant, now=this.now(), limit=1, **this.terms())

    def run(errand: Errand) -> None:
        reason = launch(this.way, errand)
        if reason is None:
            this.summary.live += 1
        else:
            this.summary.failed += 1
            this.summary.problem(f"{errand.business}/{errand.reference}: {reason}")

    _each(this, claim, run)


def _brandings(this: _Pass) -> None:
    def claim() -> list[Errand]:
        with this.way.ledger.begin() as conn:
            return claim_brandings(conn, this.claimant, now=this.now(), limit=1)

    def run(errand: Errand) -> None:
        brand(this.way, errand)
        this.summary.branded += 1

    _each(this, claim, run)


def _each(this: _Pass, claim: Callable[[], list[Errand]], run: Callable[[Errand], None]) -> None:
    """Run errands one by one, each under its lease, until there are none."""
    while not this.stopping():
        if this.way.carrier.rests():
            raise _CarrierRests
        errands = claim()
        if not errands:
            return
        _run(this, errands[0], run)


def _run(this: _Pass, errand: Errand, run: Callable[[Errand], None]) -> None:
    """Run one errand; one that cannot be finished now is given back, to be gone on with later."""
    name = f"{errand.business}/{errand.reference}"
    with about(business=errand.business, program=name):
        _carry_out(this, errand, run, name)


def _carry_out(this: _Pass, errand: Errand, run: Callable[[Errand], None], name: str) -> None:
    try:
        with kept(this.way, errand, this.claimant.length):
            run(errand)
    except LeaseLost:
        log.info("launch: the %s of %s was taken over", errand.kind, name)
    except EndCame:
        _give_back(this, errand, this.now())
    except CarrierDown as error:
        rest = timedelta(seconds=max(error.retry_after or 0.0, this.way.carrier.rests(), 1.0))
        _give_back(this, errand, this.now() + rest, error="down")
        this.summary.problem(f"{name}: {error}")
        raise _CarrierRests from error
    except CarrierUnsure as error:
        _give_back(this, errand, this.now() + LATER, error="unsure")
        this.summary.problem(f"{name}: {error}; it is gone on with in {LATER.seconds} s")
    except CarrierError as error:
        _give_back(this, errand, this.now() + REFUSED_FOR, error="refused")
        this.summary.problem(f"{name}: the carrier refused its {errand.kind}: {error}")


def _give_back(this: _Pass, errand: Errand, not_before: datetime, *, error: str | None = None) -> None:
    """`error` is the kind that is counted; what it was is told."""
    try:
        with this.way.ledger.begin() as conn:
            if error:
                count_up(conn, "carrier_errors", error)
            let_go(conn, [errand], not_before=not_before)
    except LeaseLost:
        log.info("launch: the %s of %s/%s was taken over", errand.kind, errand.business, errand.reference)
