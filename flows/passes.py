"""One pass over the inbox, as steps: look, take, launch, and write anew what shows the state."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flows import launching, logos
from flows.arrival import Inbox, Left, Problem, arrivals
from flows.judging import Progress
from flows.launching import LaunchSummary
from flows.ledger.errands import ShownLogo
from flows.ledger.launches import starts
from flows.lists import do_not_originate
from flows.pages import refresh
from flows.pipeline import Pipeline
from flows.registry import seed_businesses
from flows.restored import check_restored, keep_marker
from flows.settling import Incomplete, Settled
from flows.taking import NoRoom, Took, clear_up, take, tell_incomplete
from schemas.judge import understood

Sleep = Callable[[float], None]
Tell = Callable[[Took], None]
Drops = Iterable[tuple[str, str]]  # (business, drop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a look at the inbox led to. `problems` are for the operator, one line each."""

    took: Sequence[Took] = ()
    incomplete: int = 0
    problems: Sequence[str] = ()

    def counts(self) -> dict[str, int]:
        """Counts only: fit for a server's pages and artifacts."""
        new = [t.judgement for t in self.took if t.judgement is not None]
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
    pipeline: Pipeline,
    *,
    business: str | None = None,
    drops: Drops | None = None,
    sleep: Sleep = time.sleep,
    stop: Callable[[], bool] = lambda: False,
    tell: Tell | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Take what has arrived, in the order of sighting; each drop once, whoever else looks.

    Everything, or the drops of one `business`, or some `drops`. `stop` is asked between drops.
    """
    wrong = seed_businesses(pipeline)
    took: list[Took] = []
    problems = [wrong] if wrong else []
    incomplete = 0
    inbox = inbox_of(pipeline)
    for outcome in arrivals(inbox, clock=pipeline.clock, sleep=sleep, business=business, drops=drops):
        if stop():
            break
        if isinstance(outcome, Problem):
            problems.append(f"{outcome.business or 'inbox'}: {outcome.what}")
        elif isinstance(outcome, Incomplete):
            incomplete += tell_incomplete(pipeline, outcome)
        elif isinstance(outcome, Left):
            clear_up(pipeline, outcome)
        elif isinstance(outcome, Settled):
            try:
                taken = take(pipeline, outcome.sighting, progress)
            except NoRoom as e:
                problems.append(str(e))
                continue
            if taken is not None:
                took.append(taken)
                if tell:
                    tell(taken)
    return Intake(took=took, incomplete=incomplete, problems=problems)


def inbox_of(pipeline: Pipeline) -> Inbox:
    settings = pipeline.settings
    return Inbox(
        store=pipeline.inbox,
        ledger=pipeline.ledger,
        parse=understood,
        settle=settings.settle,
        grace=settings.arrival_grace,
        policy=settings.policy,
        emptied=settings.after_intake == "empty",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass did: what it took, and what it launched."""

    intake: Intake
    launched: LaunchSummary

    @property
    def problems(self) -> list[str]:
        """What needs the operator, one line each."""
        return [*self.intake.problems, *self.launched.problems]


def run_pass(
    pipeline: Pipeline,
    *,
    business: str | None = None,
    sleep: Sleep = time.sleep,
    tell: Tell | None = None,
    progress: Progress | None = None,
) -> Pass:
    """Take what has arrived, launch what is due, write what shows it."""
    check_restored(pipeline)
    intake = take_inbox(pipeline, business=business, sleep=sleep, tell=tell, progress=progress)
    launched = launch_due(pipeline)
    refresh(pipeline)
    keep_marker(pipeline)
    return Pass(intake=intake, launched=launched)


def launch_due(pipeline: Pipeline, *, stop: Callable[[], bool] = lambda: False) -> LaunchSummary:
    """Launch what is due, end what is over, brand what was approved."""
    settings = pipeline.settings

    def logo(shown: ShownLogo) -> bytes | None:
        business = (shown.archive or "").partition("/")[0]
        return logos.recall(pipeline.archive, business, shown.sha256) if business else None

    return launching.launch_due(
        pipeline.ledger,
        pipeline.carrier,
        clock=pipeline.clock,
        patience=launching.patience(settings.on_missed_start, settings.launch_deadline),
        lease=settings.lease,
        do_not_originate=do_not_originate(settings),
        logo=logo,
        stopping=stop,
    )


def next_start_came(pipeline: Pipeline) -> Callable[[], bool]:
    """Asks whether the start that is next from now on has come."""
    with pipeline.ledger.read() as conn:
        following = starts(conn, after=pipeline.clock(), limit=1)
    return lambda: any(start <= pipeline.clock() for start in following)


def launch_counts(launched: LaunchSummary) -> dict[str, int]:
    """Programs by what was done: fit for a server's pages and artifacts."""
    return {
        name: getattr(launched, name) for name in ("live", "branded", "ended", "missed", "failed", "problems_total")
    }
