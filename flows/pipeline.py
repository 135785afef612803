"""The steps of one pass: scan the inbox, take drops, launch what is due, write receipts and pages."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flows.archive import logos
from flows.arrival.completeness import IncompleteDrop, SettledDrop
from flows.arrival.inbox_problems import record_inbox_problems
from flows.arrival.listing import InboxProblem
from flows.arrival.scan import Inbox, LeftoverDrop, ScanOutcome, find_arrivals, find_newly_settled
from flows.arrival.turns import take_turns
from flows.errors import Failure, FailureStreak, LaunchdropError
from flows.launching import due_jobs
from flows.launching.due_jobs import LaunchSummary
from flows.ledger.core.engine import MAX_CLOCK_SKEW, database_now
from flows.ledger.core.outbox import OutboxEntry
from flows.ledger.intake.drops import Sighting
from flows.ledger.launches.due_launches import list_launch_times
from flows.ledger.launches.job_leases import ApprovedLogo
from flows.notifying.prefect_events import send_new_events
from flows.operations.restore_guard import pause_if_restored, save_marker
from flows.operator_files.businesses import describe_unknown_business, seed_businesses
from flows.operator_files.do_not_originate import load_do_not_originate
from flows.publishing.attention import list_attention_lines
from flows.publishing.outbox import PublishResult, WriteResult, publish_outbox
from flows.registration.drop import (
    BlockedDrop,
    DropResult,
    catch_drop_failure,
    empty_leftover,
    report_incomplete,
    take_drop,
)
from flows.scaling.opening import open_workers
from flows.scaling.parallel_pass import (
    PAGES_INTERVAL,
    PER_DROP_KINDS,
    SECONDS_PER_PAGE,
    estimate_seconds,
    take_in_parallel,
    write_in_parallel,
)
from flows.scaling.workers import Workers
from flows.services import Services, check_folders
from flows.stores import StoreError
from flows.validation.quota import hold_back_drops
from schemas.model.callbacks import Progress

Sleep = Callable[[float], None]
Drops = Collection[tuple[str, str]]  # (business, drop)

log = logging.getLogger(__name__)

_intake_lock = threading.Lock()


@contextmanager
def one_intake_at_a_time() -> Iterator[None]:
    """Let one run of this process take drops at a time. The others may still be reporting to the Prefect server."""
    with _intake_lock:
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeResult:
    """What a scan of the inbox led to. `problems` are for the operator, one line each."""

    taken: Sequence[DropResult] = ()
    incomplete: int = 0
    problems: Sequence[str] = ()

    def upcoming_starts(self, *, after: datetime) -> set[datetime]:
        """The program starts after that instant, of the drops that were taken and not rejected."""
        manifests = (t.judgment.manifest for t in self.taken if t.judgment and t.judgment.verdict != "rejected")
        return {m.schedule.start for m in manifests if m and m.schedule and m.schedule.start > after}

    def counts(self) -> dict[str, int]:
        """Counts only, so that they are safe to show on the Prefect server."""
        new = [t.judgment for t in self.taken if t.judgment is not None]
        verdicts = {f"submissions {v}": sum(j.verdict == v for j in new) for v in sorted({j.verdict for j in new})}
        return {
            "submissions": len(new),
            **verdicts,
            "duplicates": len(self.taken) - len(new),
            "incomplete": self.incomplete,
            "rows read": sum(j.counts.read for j in new),
            "rows accepted": sum(j.counts.accepted for j in new),
            "rows rejected": sum(j.counts.rejected for j in new),
            "problems": len(self.problems),
        }


def take_inbox(
    services: Services,
    workers: Workers | None = None,
    *,
    business: str | None = None,
    drops: Drops | None = None,
    sleep: Sleep = time.sleep,
    stop: Callable[[], bool] = lambda: False,
    on_taken: Callable[[DropResult], None] = lambda _: None,
    progress: Progress | None = None,
) -> IntakeResult:
    """Take what has arrived, each drop once even if other processes do the same.

    Businesses take turns; the drops of one are taken in the order of first sighting. Takes everything, the drops of one
    `business`, or some `drops`; while these wait, also what other businesses drop in the meantime. Checks `stop`
    between drops or blocks of drops.
    """
    checks = pause_if_restored(services), seed_businesses(services), describe_unknown_business(services, business)
    problems = [problem for problem in checks if problem]
    found = _scan(services, workers, business=business, drops=drops, sleep=sleep)
    if drops is None:
        in_inbox = (outcome for outcome in found if isinstance(outcome, InboxProblem))
        record_inbox_problems(services.ledger, in_inbox, business=business)
    settled = [outcome.sighting for outcome in found if isinstance(outcome, SettledDrop)]
    seconds = estimate_seconds(settled)
    look = partial(_look_again, services, business)
    in_turns = take_turns(settled, cost=lambda sighting: estimate_seconds([sighting]), look=look)
    taken: list[DropResult] = []
    for result in _take_settled(services, workers, in_turns, seconds, stop, progress):
        if isinstance(result, Failure):
            problems.append(result.problem)
        else:
            taken.append(result)
            on_taken(result)
    incomplete, more_problems = _handle_others(services, found, stop)
    save_marker(services)
    return IntakeResult(taken=taken, incomplete=incomplete, problems=[*problems, *more_problems])


def _scan(
    services: Services, workers: Workers | None, *, business: str | None, drops: Drops | None, sleep: Sleep
) -> list[ScanOutcome]:
    """Scan the inbox. Start the workers during the settle time if there may be enough work for them."""

    def start_workers(seen: Sequence[Sighting]) -> None:
        if workers is not None and workers.is_worthwhile_for(estimate_seconds(seen)):
            workers.start()

    inbox = make_inbox(services)
    found = find_arrivals(
        inbox, clock=services.clock, sleep=sleep, business=business, drops=drops, on_wait=start_workers
    )
    return list(hold_back_drops(services, found))


def _look_again(services: Services, business: str | None, waiting: Collection[str]) -> list[Sighting]:
    """What has settled since the scan, of businesses that have nothing waiting. A pass over one business skips it."""
    if business is not None:
        return []
    try:
        settled = find_newly_settled(make_inbox(services), now=services.clock(), except_businesses=waiting)
        return [drop.sighting for drop in hold_back_drops(services, settled) if isinstance(drop, SettledDrop)]
    except LaunchdropError as error:  # the next scan reports it if it lasts
        log.info("the inbox could not be scanned during the pass: %s", error)
        return []


def _take_settled(
    services: Services,
    workers: Workers | None,
    settled: Iterable[Sighting],
    seconds: float,
    stop: Callable[[], bool],
    progress: Progress | None,
) -> Iterator[DropResult | Failure]:
    """Take settled drops in their order: in this process, or on workers if there are enough `seconds` of work."""
    if workers is not None and workers.is_worthwhile_for(seconds):
        yield from take_in_parallel(workers, services, settled, seconds, stop)
    else:
        yield from _take_here(services, settled, stop, progress)


def _take_here(
    services: Services, settled: Iterable[Sighting], stop: Callable[[], bool], progress: Progress | None
) -> Iterator[DropResult | Failure]:
    """Take settled drops in this process, and write their reports and receipts every few seconds."""
    failures = FailureStreak()
    next_pages = time.monotonic() + PAGES_INTERVAL
    for sighting in settled:
        if stop():
            return
        if time.monotonic() >= next_pages:
            publish_outbox(services, kinds=PER_DROP_KINDS, stop=stop)  # what fails is tried again after the pass
            next_pages = time.monotonic() + PAGES_INTERVAL
        result = catch_drop_failure(sighting, partial(take_drop, services, sighting, progress))
        if result is not None:
            yield result
        if not isinstance(result, BlockedDrop):  # such a drop was not even tried
            failures.record(failed=isinstance(result, Failure))
        if failures.is_long:
            yield Failure(f"{failures.length} drops in a row could not be taken: the rest is left for the next pass")
            return


def _handle_others(services: Services, found: Sequence[ScanOutcome], stop: Callable[[], bool]) -> tuple[int, list[str]]:
    """Report incomplete drops to their businesses, and delete from the inbox what a process took before it died.

    Returns how many drops got an `incomplete` receipt, and problems for the operator.
    """
    incomplete, problems = 0, list[str]()
    for outcome in found:
        if stop():
            break
        result: bool | Failure | None = None
        if isinstance(outcome, InboxProblem):
            problems.append(f"{outcome.business or 'inbox'}: {outcome.message}")
        elif isinstance(outcome, IncompleteDrop):
            result = catch_drop_failure(
                outcome.sighting, partial(report_incomplete, services, outcome), action="reported as incomplete"
            )
        elif isinstance(outcome, LeftoverDrop):
            result = catch_drop_failure(
                outcome.sighting, partial(empty_leftover, services, outcome), action="deleted from the inbox"
            )
        incomplete += result is True
        if isinstance(result, Failure):
            problems.append(result.problem)
    return incomplete, problems


def write_pages(
    services: Services, workers: Workers | None = None, *, stop: Callable[[], bool] = lambda: False
) -> PublishResult:
    """Write the receipts and pages whose content has changed: in this process, or on workers if there are many."""
    return publish_outbox(
        services, stop=stop, delegate=partial(_write_on_workers, services, workers) if workers else None
    )


def _write_on_workers(services: Services, workers: Workers, entries: Sequence[OutboxEntry]) -> WriteResult:
    """Have workers write the reports and receipts among these outbox entries, if there are enough of them."""
    reports_and_receipts = [entry for entry in entries if entry.kind in PER_DROP_KINDS]
    if not workers.is_worthwhile_for(SECONDS_PER_PAGE * len(reports_and_receipts)):
        return WriteResult()
    return write_in_parallel(workers, services, reports_and_receipts)


def make_inbox(services: Services) -> Inbox:
    """The inbox to scan, as the settings describe it."""
    settings = services.settings
    return Inbox(
        store=services.inbox,
        ledger=services.ledger,
        settle=settings.settle,
        grace=settings.arrival_grace,
        policy=settings.policy,
        caps=settings.caps,
        empty_after_intake=settings.after_intake == "empty",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What one pass took, launched and wrote.

    `waiting` has one line for each program that failed in an earlier pass, and for all that newly waits for the
    operator.
    """

    intake: IntakeResult
    launched: LaunchSummary
    pages: PublishResult
    waiting: Sequence[str] = ()

    @property
    def problems(self) -> list[str]:
        """What went wrong in this pass, one line each."""
        return [*self.intake.problems, *self.launched.problems, *self.pages.problems]


def run_pass(
    services: Services,
    *,
    business: str | None = None,
    sleep: Sleep = time.sleep,
    on_taken: Callable[[DropResult], None] = lambda _: None,
    progress: Progress | None = None,
) -> PassResult:
    """Take what has arrived, launch what is due, write receipts and pages, send events to the Prefect server.

    Raises LaunchdropError if the intake failed as a whole. What is due is launched even then.
    """
    began = services.clock()
    with open_workers(services.settings.task_runner) as workers:
        try:
            check_folders(services.settings)
            intake = take_inbox(services, workers, business=business, sleep=sleep, on_taken=on_taken, progress=progress)
        except LaunchdropError:  # a missing inbox or missing workers must not keep programs from their start
            with suppress(StoreError):  # the first error is the one to report
                launch_due(services)
                publish_outbox(services)
            raise
        launched = launch_due(services)
        pages = write_pages(services, workers)
    send_new_events(services)
    with services.ledger.read() as conn:
        waiting = list_attention_lines(conn, since=began, business=business, reported=launched.problems)
    return PassResult(intake=intake, launched=launched, pages=pages, waiting=waiting)


def launch_due(services: Services, *, stop: Callable[[], bool] = lambda: False) -> LaunchSummary:
    """Launch what is due, end what is over, and send branding that was approved. Checks `stop` between programs."""
    summary = LaunchSummary()
    if problem := _fast_clock_problem(services):
        summary.add_problem(problem)
        return summary
    settings = services.settings
    restored = pause_if_restored(services)

    def load_logo(logo: ApprovedLogo) -> bytes | None:
        business = (logo.archive or "").partition("/")[0]
        return logos.load_logo(services.archive, business, logo.sha256) if business else None

    summary = due_jobs.run_due_jobs(
        services.ledger,
        services.carrier,
        clock=services.clock,
        allowed_delay=due_jobs.allowed_delay(settings.on_missed_start, settings.launch_deadline),
        lease=settings.lease,
        do_not_originate=load_do_not_originate(settings),
        load_logo=load_logo,
        stop=stop,
    )
    save_marker(services)
    if restored:
        summary.add_problem(restored)
    return summary


def _fast_clock_problem(services: Services) -> str | None:
    """The problem if this machine's clock is ahead of the database server's, so that it would launch too early."""
    with services.ledger.read() as conn:
        server_time = database_now(conn)
    if server_time is None or (ahead := services.clock() - server_time) <= MAX_CLOCK_SKEW:
        return None
    return (
        f"this machine's clock is {ahead.total_seconds():.0f} s ahead of the ledger's server: "
        "nothing is launched or ended until they agree"
    )


def watch_next_start(services: Services) -> Callable[[], bool]:
    """Look up the next program start. Returns a function that says whether it has come."""
    with services.ledger.read() as conn:
        upcoming = list_launch_times(conn, after=services.clock(), limit=1)
    return lambda: any(start <= services.clock() for start in upcoming)
