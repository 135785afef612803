"""Do all carrier jobs that are due: launch, end and brand programs, longest due first and never before their start.

At a carrier that has to be called, businesses take turns, so that the programs of one do not wait for all of another's.

Any number of passes may run at once, and each may stop anywhere: a later one continues what it left.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol

import numpy as np

from flows.carriers import Carrier, CarrierDown, CarrierError, CarrierUnsure
from flows.launching.carrier_job import (
    CarrierSession,
    EndReached,
    brand_program,
    end_program,
    keep_lease,
    launch_program,
)
from flows.leasing import is_owner_dead, this_owner
from flows.ledger.core.control_flags import increment_counter
from flows.ledger.core.engine import Connection, Ledger
from flows.ledger.core.errors import LeaseLost
from flows.ledger.launches.batches import record_all_batches_done
from flows.ledger.launches.due_launches import claim_launches, finish_launches, mark_missed_launches
from flows.ledger.launches.job_leases import ApprovedLogo, Job, JobClaimer, release_jobs
from flows.ledger.launches.live_programs import claim_brandings, claim_endings, finish_brandings, finish_endings
from flows.logs import log_context

log = logging.getLogger(__name__)

#: With ON_MISSED_START=hold, a launch this late still counts as on time.
ON_TIME = timedelta(minutes=5)

#: When a job is retried whose outcome at the carrier is unknown.
RETRY_UNSURE = timedelta(seconds=30)

#: When an end or a branding is retried that the carrier refused. Somebody has to look into it first.
RETRY_REFUSED = timedelta(hours=1)

#: Jobs that one business gets before the others have their turn, at a carrier that has to be called.
JOBS_PER_TURN = 5

#: How many problems a summary lists. The rest are counted and logged.
MAX_PROBLEMS = 20


def allowed_delay(on_missed_start: str, deadline: timedelta) -> timedelta:
    """How late a launch may be before it is missed, by the settings ON_MISSED_START and LAUNCH_DEADLINE."""
    return deadline if on_missed_start == "launch_late" else min(ON_TIME, deadline)


@dataclass(slots=True, kw_only=True)
class LaunchSummary:
    """How many programs one pass changed. `problems` are lines for the operator, the first of `problems_total`."""

    live: int = 0
    failed: int = 0
    missed: int = 0
    ended: int = 0
    branded: int = 0
    problems: list[str] = field(default_factory=list)
    problems_total: int = 0

    def counts(self) -> dict[str, int]:
        """Counts only, so that they are safe to show on the Prefect server."""
        names = ("live", "branded", "ended", "missed", "failed", "problems_total")
        return {name: getattr(self, name) for name in names}

    def add_problem(self, line: str) -> None:
        """Log a problem, count it, and list it if there is room."""
        log.warning("launch: %s", line)
        self.problems_total += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(line)


class _ClaimJobs(Protocol):
    """Claims jobs of one kind that are due, at most `limit`, and none of `except_businesses`."""

    def __call__(
        self,
        conn: Connection,
        claimer: JobClaimer,
        /,
        *,
        now: datetime,
        limit: int = ...,
        except_businesses: Collection[str] = ...,
    ) -> list[Job]: ...


class _FinishJobs(Protocol):
    """Records jobs as done."""

    def __call__(self, conn: Connection, jobs: list[Job], /, *, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _JobHandler:
    """How jobs of one kind are claimed, done at the carrier, and recorded without a call to the embedded carrier.

    `run` returns None, or the reason why the job failed. `counter` is the summary's count of jobs that succeeded.
    """

    claim: _ClaimJobs
    run: Callable[[CarrierSession, Job], str | None]
    finish: _FinishJobs
    counter: Literal["ended", "live", "branded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    session: CarrierSession
    claimer: JobClaimer
    stop: Callable[[], bool]
    summary: LaunchSummary

    def now(self) -> datetime:
        return self.session.clock()

    def count(self, handler: _JobHandler, jobs: int = 1) -> None:
        setattr(self.summary, handler.counter, getattr(self.summary, handler.counter) + jobs)


class _CarrierPaused(Exception):
    """The carrier gets no more calls in this pass."""


def run_due_jobs(
    ledger: Ledger,
    carrier: Carrier,
    *,
    clock: Callable[[], datetime],
    allowed_delay: timedelta,
    lease: timedelta = timedelta(seconds=60),
    do_not_originate: np.ndarray | None = None,
    load_logo: Callable[[ApprovedLogo], bytes | None] = lambda _: None,
    owner: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> LaunchSummary:
    """Mark launches that are too late as missed, then end what is over, launch what is due, and send new branding.

    The pass ends early if the carrier is down, or when `stop`, which is checked between programs, says so. Later passes
    do the rest; they do not call the carrier during its cooldown. `do_not_originate` is sorted int64.
    """
    this_pass = _Pass(
        session=CarrierSession(ledger=ledger, carrier=carrier, clock=clock, load_logo=load_logo),
        claimer=JobClaimer(owner=owner or this_owner(), length=lease, is_owner_dead=is_owner_dead),
        stop=stop,
        summary=LaunchSummary(),
    )
    with ledger.begin() as conn:
        this_pass.summary.missed = len(mark_missed_launches(conn, now=clock(), allowed_delay=allowed_delay))
    do_all = _do_all_in_ledger if carrier.embedded else _do_all_at_carrier
    with suppress(_CarrierPaused):
        for handler in _job_handlers(allowed_delay, do_not_originate):
            do_all(this_pass, handler)
    return this_pass.summary


def _job_handlers(allowed_delay: timedelta, do_not_originate: np.ndarray | None) -> tuple[_JobHandler, ...]:
    """The handlers for all kinds of jobs, in the order in which a pass does them."""
    claim_due_launches = partial(claim_launches, allowed_delay=allowed_delay, do_not_originate=do_not_originate)
    return (
        _JobHandler(claim=claim_endings, run=end_program, finish=finish_endings, counter="ended"),
        _JobHandler(claim=claim_due_launches, run=launch_program, finish=_finish_whole_launches, counter="live"),
        _JobHandler(claim=claim_brandings, run=brand_program, finish=finish_brandings, counter="branded"),
    )


def _finish_whole_launches(conn: Connection, jobs: list[Job], *, now: datetime) -> None:
    if jobs:
        record_all_batches_done(conn, jobs, now)
        finish_launches(conn, jobs, now=now)


def _do_all_in_ledger(this_pass: _Pass, handler: _JobHandler) -> None:
    """Do all jobs of a kind with the embedded carrier, many per transaction: the ledger itself is its only record."""
    while not this_pass.stop():
        with this_pass.session.ledger.begin() as conn:
            jobs = handler.claim(conn, this_pass.claimer, now=this_pass.now())
            handler.finish(conn, jobs, now=this_pass.now())
        if not jobs:
            return
        this_pass.count(handler, len(jobs))


def _do_all_at_carrier(this_pass: _Pass, handler: _JobHandler) -> None:
    """Do all jobs of a kind at a carrier that has to be called, each under its own lease. Businesses take turns."""
    done = Counter[str]()  # jobs of each business in this round
    while not this_pass.stop():
        if this_pass.session.carrier.cooldown_left():
            raise _CarrierPaused
        had_turn = [business for business, count in done.items() if count >= JOBS_PER_TURN]
        with this_pass.session.ledger.begin() as conn:
            jobs = handler.claim(conn, this_pass.claimer, now=this_pass.now(), limit=1, except_businesses=had_turn)
        if not jobs and not had_turn:
            return
        if not jobs:
            done.clear()
        for job in jobs:
            done[job.business] += 1
            with log_context(business=job.business, program=_program_name(job)):
                _do_job(this_pass, handler, job)


def _do_job(this_pass: _Pass, handler: _JobHandler, job: Job) -> None:
    """Do one job. If it cannot be finished now, release it so that a later pass continues it."""
    name, add_problem = _program_name(job), this_pass.summary.add_problem
    try:
        with keep_lease(this_pass.session, job, this_pass.claimer.length):
            reason = handler.run(this_pass.session, job)
    except LeaseLost:
        _log_taken_over(job)
    except EndReached:
        _release(this_pass, job, this_pass.now())
    except CarrierDown as error:
        pause = timedelta(seconds=max(error.retry_after or 0.0, this_pass.session.carrier.cooldown_left(), 1.0))
        _release(this_pass, job, this_pass.now() + pause, error="down")
        add_problem(f"{name}: {error}")
        raise _CarrierPaused from error
    except CarrierUnsure as error:
        _release(this_pass, job, this_pass.now() + RETRY_UNSURE, error="unsure")
        add_problem(f"{name}: {error}; it will be retried in {RETRY_UNSURE.seconds} s")
    except CarrierError as error:
        _release(this_pass, job, this_pass.now() + RETRY_REFUSED, error="refused")
        add_problem(f"{name}: the carrier refused its {job.kind}: {error}")
    else:
        if reason is None:
            this_pass.count(handler)
        else:
            this_pass.summary.failed += 1
            add_problem(f"{name}: {reason}")


def _release(this_pass: _Pass, job: Job, not_before: datetime, *, error: str | None = None) -> None:
    """Release a job for a later pass, not before that time. `error` is counted under `carrier_errors`."""
    try:
        with this_pass.session.ledger.begin() as conn:
            if error:
                increment_counter(conn, "carrier_errors", error)
            release_jobs(conn, [job], not_before=not_before)
    except LeaseLost:
        _log_taken_over(job)


def _log_taken_over(job: Job) -> None:
    log.info("launch: another process took over the %s of %s", job.kind, _program_name(job))


def _program_name(job: Job) -> str:
    return f"{job.business}/{job.reference}"
