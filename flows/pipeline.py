"""One pass over the inbox, as steps: look, take, launch, and write anew what shows the state."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flows.archive import logos
from flows.arrival.completeness import Incomplete, Settled
from flows.arrival.listing import Problem
from flows.arrival.scan import Inbox, Left, Outcome, arrivals
from flows.errors import LaunchdropError
from flows.launching import due
from flows.launching.due import LaunchSummary
from flows.ledger.core.engine import SKEW, database_now
from flows.ledger.core.outbox import OutboxEntry
from flows.ledger.intake.drops import Sighting
from flows.ledger.launches.jobs import ShownLogo
from flows.ledger.launches.launches import starts
from flows.notifying.prefect_events import tell_changes
from flows.operations.restore_guard import check_restored, keep_marker
from flows.operator_files.businesses import seed_businesses, unknown
from flows.operator_files.do_not_originate import do_not_originate
from flows.publishing.outbox import OUT_OF_REACH, Refreshed, Written, refresh
from flows.registration.drop import Behind, Took, Untaken, apart, clear_up, take, tell_incomplete
from flows.scaling.opening import open_workers
from flows.scaling.parallel_pass import A_PAGE, SHOWING, seconds_for, take_spread, write_spread
from flows.scaling.workers import Workers
from flows.services import Services, check_places
from flows.stores import StoreError
from flows.validation.drop import Progress
from schemas.judge import understood

Sleep = Callable[[float], None]
Tell = Callable[[Took], None]
Drops = Iterable[tuple[str, str]]  # (business, drop)

_turn = threading.Lock()
_named: ContextVar[Drops | None] = ContextVar("named", default=None)


@contextmanager
def in_turn() -> Iterator[None]:
    """For taking in one process: one pass after the other, while none waits for what another still tells a server."""
    with _turn:
        yield


@contextmanager
def about(drops: Drops | None) -> Iterator[None]:
    """A run within the block is about these drops alone; None: about all that has arrived.

    No parameter of the flow: those are on its run's page as they are, and a drop may be named after a number.
    """
    before = _named.set(drops)
    try:
        yield
    finally:
        _named.reset(before)


def named() -> Drops | None:
    """The drops that this run is about."""
    return _named.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a look at the inbox led to. `problems` are for the operator, one line each."""

    took: Sequence[Took] = ()
    incomplete: int = 0
    problems: Sequence[str] = ()

    def starts(self, *, after: datetime) -> set[datetime]:
        """The starts to come, after that instant, among what was taken and not rejected."""
        manifests = (t.judgment.manifest for t in self.took if t.judgment and t.judgment.verdict != "rejected")
        return {m.schedule.start for m in manifests if m and m.schedule and m.schedule.start > after}

    def counts(self) -> dict[str, int]:
        """Counts only: fit for a server's pages and artifacts."""
        new = [t.judgment for t in self.took if t.judgment is not None]
        verdicts = {f"submissions {v}": sum(j.verdict == v for j in new) for v in sorted({j.verdict for j in new})}
        return {
            "submissions": len(new),
            **verdicts,
            "duplicates": len(self.took) - len(new),
            "incomplete": self.incomplete,
            "rows read": sum(j.counts.read for j in new),
            "rows accepted": sum(j.counts.accepted for j in new),
            "rows rejected": sum(j.counts.rejected for j in new),
            "problems": len(self.problems),
        }


def take_inbox(
    services: Services,
    crew: Workers | None = None,
    *,
    business: str | None = None,
    drops: Drops | None = None,
    sleep: Sleep = time.sleep,
    stop: Callable[[], bool] = lambda: False,
    tell: Tell | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Take what has arrived, in the order of sighting; each drop once, whoever else looks.

    Everything, or the drops of one `business`, or some `drops`. `stop` is asked between drops, or blocks of them.
    """
    asked = check_restored(services), seed_businesses(services), unknown(services, business)
    problems = [wrong for wrong in asked if wrong]

    def reach(seen: Sequence[Sighting]) -> None:
        if crew is not None and crew.is_worth(seconds_for(seen)):
            crew.reach()

    found = arrivals(
        inbox_of(services), clock=services.clock, sleep=sleep, business=business, drops=drops, meanwhile=reach
    )
    took: list[Took] = []
    for each in _take_all(services, crew, [o.sighting for o in found if isinstance(o, Settled)], stop, progress):
        if isinstance(each, Untaken):
            problems.append(each.why)
            continue
        took.append(each)
        if tell:
            tell(each)
    incomplete = 0
    for outcome in found:
        if stop():
            break
        tended = _tend(services, outcome)
        incomplete += tended is True
        if isinstance(tended, Untaken):
            problems.append(tended.why)
    keep_marker(services)
    return Intake(took=took, incomplete=incomplete, problems=problems)


def _tend(services: Services, outcome: Outcome) -> bool | Untaken | None:
    """Do what there is to do about what is not to be taken; True where a drop was told that it is incomplete."""
    if isinstance(outcome, Problem):
        return Untaken(f"{outcome.business or 'inbox'}: {outcome.what}")
    if isinstance(outcome, Incomplete):
        return apart(outcome.sighting, partial(tell_incomplete, services, outcome), done="acknowledged")
    if isinstance(outcome, Left):
        return apart(outcome.sighting, partial(clear_up, services, outcome), done="cleared from the inbox")
    return None


def _take_all(
    services: Services,
    crew: Workers | None,
    settled: Sequence[Sighting],
    stop: Callable[[], bool],
    progress: Progress | None,
) -> Iterator[Took | Untaken]:
    """Take settled drops in their order: here, or spread over workers where they are worth it."""
    if crew is not None and crew.is_worth(seconds_for(settled)):
        yield from take_spread(crew, services, settled, stop)
        return
    in_a_row = 0
    for sighting in settled:
        if stop():
            return
        took = apart(sighting, partial(take, services, sighting, progress))
        if took is not None:
            yield took
        if not isinstance(took, Behind):  # it was not tried
            in_a_row = in_a_row + 1 if isinstance(took, Untaken) else 0
        if in_a_row == OUT_OF_REACH:
            yield Untaken(f"{in_a_row} drops in a row could not be taken: the rest is left for the next pass")
            return


def write_pages(
    services: Services, crew: Workers | None = None, *, stop: Callable[[], bool] = lambda: False
) -> Refreshed:
    """Write receipts and pages anew where what they show has changed."""
    return refresh(services, stop=stop, spread=partial(_spread_pages, services, crew) if crew else None)


def _spread_pages(services: Services, crew: Workers, marks: Sequence[OutboxEntry]) -> Written:
    """Have reports and receipts written by workers where they are worth it."""
    many = [mark for mark in marks if mark.kind in SHOWING]
    return write_spread(crew, services, many) if crew.is_worth(A_PAGE * len(many)) else Written()


def inbox_of(services: Services) -> Inbox:
    settings = services.settings
    return Inbox(
        store=services.inbox,
        ledger=services.ledger,
        parse=understood,
        settle=settings.settle,
        grace=settings.arrival_grace,
        policy=settings.policy,
        emptied=settings.after_intake == "empty",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass did: what it took, what it launched, and what it wrote to show it."""

    intake: Intake
    launched: LaunchSummary
    pages: Refreshed

    @property
    def problems(self) -> list[str]:
        """What needs the operator, one line each."""
        return [*self.intake.problems, *self.launched.problems, *self.pages.problems]


def run_pass(
    services: Services,
    *,
    business: str | None = None,
    sleep: Sleep = time.sleep,
    tell: Tell | None = None,
    progress: Progress | None = None,
) -> Pass:
    """Take what has arrived, launch what is due, write what shows it, tell whoever listens.

    Raises LaunchdropError where nothing could be taken; what is due is launched even so.
    """
    with open_workers(services.settings.task_runner) as workers:
        try:
            check_places(services.settings)
            intake = take_inbox(services, workers, business=business, sleep=sleep, tell=tell, progress=progress)
        except LaunchdropError:  # an inbox or workers out of reach keep no program from its start
            with suppress(StoreError):  # the first trouble is the one to tell
                launch_due(services)
                refresh(services)
            raise
        launched = launch_due(services)
        pages = write_pages(services, workers)
    tell_changes(services)
    return Pass(intake=intake, launched=launched, pages=pages)


def launch_due(services: Services, *, stop: Callable[[], bool] = lambda: False) -> LaunchSummary:
    """Launch what is due, end what is over, brand what was approved."""
    if ahead := _ahead(services):
        early = LaunchSummary()
        early.problem(ahead)
        return early
    settings = services.settings
    restored = check_restored(services)

    def logo(shown: ShownLogo) -> bytes | None:
        business = (shown.archive or "").partition("/")[0]
        return logos.recall(services.archive, business, shown.sha256) if business else None

    launched = due.launch_due(
        services.ledger,
        services.carrier,
        clock=services.clock,
        patience=due.patience(settings.on_missed_start, settings.launch_deadline),
        lease=settings.lease,
        do_not_originate=do_not_originate(settings),
        logo=logo,
        stopping=stop,
    )
    keep_marker(services)
    if restored:
        launched.problem(restored)
    return launched


def _ahead(services: Services) -> str | None:
    """What is wrong where this machine's clock would launch too early, by the ledger's server, if it has one."""
    with services.ledger.read() as conn:
        theirs = database_now(conn)
    if theirs is None or (by := services.clock() - theirs) <= SKEW:
        return None
    return (
        f"this machine's clock is {by.total_seconds():.0f} s ahead of the ledger's server: "
        "nothing is launched or ended before they agree"
    )


def next_start_came(services: Services) -> Callable[[], bool]:
    """Asks whether the start that is next from now on has come."""
    with services.ledger.read() as conn:
        following = starts(conn, after=services.clock(), limit=1)
    return lambda: any(start <= services.clock() for start in following)


def launch_counts(launched: LaunchSummary) -> dict[str, int]:
    """Programs by what was done: fit for a server's pages and artifacts."""
    return {
        name: getattr(launched, name) for name in ("live", "branded", "ended", "missed", "failed", "problems_total")
    }
