"""What a Dask worker does: blocks of drops prepared and entered, blocks of pages written. It needs no own settings.

Preparing needs no order: it copies into the archive, judges, and writes the rows' files. Entering comes after the block
before it, and asks again what judging was told: so the ledger and every report are what one process would have made of
the same drops. Whatever a worker that died had done is found, and not done again.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version

from flows.archive import judgments
from flows.archive.submissions import Archived, archive_drop
from flows.arrival.completeness import take as taken_of
from flows.arrival.leases import still_ours
from flows.errors import LaunchdropError
from flows.ledger.core.errors import LeaseLost
from flows.ledger.core.outbox import OutboxEntry
from flows.ledger.intake.drops import Sighting, sightings
from flows.ledger.intake.leases import Lease
from flows.ledger.intake.submissions import Registered, Registration
from flows.ledger.read.page_queries import receipt_of
from flows.operator_files.do_not_originate import print_of
from flows.publishing.outbox import Written, write
from flows.registration.drop import (
    Took,
    Untaken,
    apart,
    enter,
    look_anew,
    put_judgment,
    registration_of,
    repeats,
    take,
)
from flows.scaling.workers import check_version
from flows.services import Services, open_services
from flows.settings import Settings
from flows.stores import Changed, batch
from flows.validation.ahead_of_turn import Ahead, judge_ahead
from flows.validation.scratch import Spool, spools
from schemas.model.judgment import Judgment

Keep = Callable[[Registration], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTerms:
    """What workers are told of how work is done here; they need no settings of their own."""

    settings: Settings
    clock: Callable[[], datetime]
    launchdrop: str
    do_not_originate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A drop to be taken in its turn. Without a lease it is taken whole then: a drop before it is of its program."""

    sighting: Sighting
    lease: Lease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A turn's drop in the archive, and judged unless it repeats what is in force.

    None: it changed meanwhile, or was entered before. `untaken`: it could not be prepared.
    """

    turn: Turn
    archived: Archived | None = None
    ahead: Ahead | None = None
    untaken: Untaken | None = None


def terms_of(services: Services) -> WorkerTerms:
    """How work is done here. Places are said so that they are the same from whatever folder a worker runs in."""
    listed = services.settings.do_not_originate
    places = {
        "inbox": services.inbox.url,
        "reports": services.reports.url,
        "archive": services.archive.url,
        "ledger": services.ledger.url,
        "do_not_originate": listed and listed.absolute(),
    }
    return WorkerTerms(
        settings=services.settings.for_workers().model_copy(update=places),
        clock=services.clock,
        launchdrop=version("launchdrop"),
        do_not_originate=print_of(services.settings),
    )


@contextmanager
def working(terms: WorkerTerms) -> Iterator[Services]:
    """The pipeline as a worker opens it. Raises LaunchdropError where the worker is not as the terms are."""
    check_version(version("launchdrop"), terms.launchdrop)
    if print_of(terms.settings) != terms.do_not_originate:
        raise LaunchdropError(f"a Dask worker has another do-not-originate list at {terms.settings.do_not_originate}")
    with open_services(terms.settings) as services:
        yield replace(services, clock=terms.clock)


def prepare_block(terms: WorkerTerms, block: Sequence[Turn]) -> list[Prepared]:
    """Copy and judge the drops of a block, on a worker."""
    # What was judged is brought to the disk once for all: nothing relies on it before it is entered.
    with working(terms) as services, batch(services.reports) as reports, batch(services.archive) as archive:
        keep = partial(put_judgment, reports, archive)
        return [_prepare(services, turn, turn.lease, keep) if turn.lease else Prepared(turn=turn) for turn in block]


def _prepare(services: Services, turn: Turn, lease: Lease, keep: Keep) -> Prepared:
    prepared = apart(turn.sighting, partial(_prepared, services, turn, lease, keep))
    return Prepared(turn=turn, untaken=prepared) if isinstance(prepared, Untaken) else prepared


def _prepared(services: Services, turn: Turn, lease: Lease, keep: Keep) -> Prepared:
    try:
        still_ours(services.ledger, lease)
        attempt = secrets.token_hex(4)
        archived = archive_drop(services.inbox, services.archive, turn.sighting, token=lease.token, attempt=attempt)
        if repeats(services, archived, lease):
            return Prepared(turn=turn, archived=archived)
        with spools() as spool:
            return Prepared(turn=turn, archived=archived, ahead=_judge(services, archived, lease, spool, keep))
    except (Changed, LeaseLost):
        return Prepared(turn=turn)


def _judge(services: Services, archived: Archived, lease: Lease, spool: Spool, keep: Keep) -> Ahead:
    def if_still_ours(judgment: Judgment) -> None:
        still_ours(services.ledger, lease)
        keep(registration_of(archived, lease, judgment))

    return judge_ahead(services, archived.drop, spool, keep=if_still_ours)


def enter_block(terms: WorkerTerms, _before: object, *parts: Sequence[Prepared]) -> list[Took | Untaken]:
    """Enter the drops of a block in the ledger, on a worker, when all blocks before it have been entered."""
    with working(terms) as services:
        entered = (
            apart(prepared.turn.sighting, partial(_enter, services, prepared)) for block in parts for prepared in block
        )
        return [each for each in entered if each is not None]


def _enter(services: Services, prepared: Prepared) -> Took | Untaken | None:
    lease = prepared.turn.lease
    if prepared.untaken is not None:
        return prepared.untaken
    try:
        if lease is None:
            return take(services, prepared.turn.sighting) or _entered_before(services, prepared.turn.sighting)
        if prepared.archived is None:
            look_anew(services, lease)
            return None
        return enter(services, prepared.archived, lease, ahead=prepared.ahead)
    except LeaseLost:
        return _entered_before(services, prepared.turn.sighting)


def _entered_before(services: Services, sighting: Sighting) -> Took | None:
    """What a worker entered that died before it could say so; None where another process has taken over."""
    with services.ledger.read() as conn:
        known = sightings(conn, sighting.business, [sighting.name])[sighting.name]
        receipt = receipt_of(conn, sighting.business, sighting.name)
    if receipt is None or known.taken != taken_of(sighting) or receipt.submission != known.submission:
        return None
    registered = Registered(outcome=receipt.outcome, submission=receipt.submission)
    judgment = None
    if receipt.outcome == "registered":
        judgment = judgments.recall(services.archive, sighting.business, receipt.submission).outline()
    return Took(business=sighting.business, drop=sighting.name, registered=registered, judgment=judgment)


def write_block(terms: WorkerTerms, marks: Sequence[OutboxEntry]) -> Written:
    """Write some marked files, on a worker."""
    with working(terms) as services:
        return write(services, marks)
