"""What is wrong in the inbox outside of drops, kept in the ledger so that the pages show it while it lasts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from flows.arrival.listing import InboxProblem
from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.engine import Connection, Ledger
from flows.ledger.core.outbox import add_indexes_to_outbox
from flows.masking import mask

_FLAG = "inbox_problems"
#: How many problems are kept of each business, and how many businesses. A business can cause any number.
_MAX_PER_BUSINESS = 3
_MAX_BUSINESSES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProblems:
    """The first problems of one business, or of no business, and the count of all.

    `own` are those that the business can correct itself. The fields are the keys of the stored flag.
    """

    messages: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    total: int = 0


def record_inbox_problems(ledger: Ledger, found: Iterable[InboxProblem], *, business: str | None = None) -> None:
    """Keep the problems of a scan of the whole inbox, or of one business, instead of those of the scan before.

    Has the index pages written that show them, if anything has changed.
    """
    by_business: dict[str, list[InboxProblem]] = defaultdict(list)
    for problem in found:
        by_business[problem.business or ""].append(problem)
    with ledger.read() as conn:
        before = read_inbox_problems(conn)
    now = {name: problems for name, problems in before.items() if business not in (None, name)}
    now |= {name: _keep_first(by_business[name]) for name in sorted(by_business)[:_MAX_BUSINESSES]}
    if now == before:
        return
    changed = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
    with ledger.begin() as conn:
        set_flag(conn, _FLAG, {name: asdict(problems) for name, problems in now.items()})
        add_indexes_to_outbox(conn, changed - {""})


def read_inbox_problems(conn: Connection) -> Mapping[str, KeptProblems]:
    """The present problems by business; those that belong to no business are under ""."""
    stored = get_flag(conn, _FLAG) or {}
    return {
        name: KeptProblems(messages=tuple(kept["messages"]), own=tuple(kept["own"]), total=kept["total"])
        for name, kept in stored.items()
    }


def _keep_first(problems: list[InboxProblem]) -> KeptProblems:
    return KeptProblems(
        messages=tuple(mask(problem.message) for problem in problems[:_MAX_PER_BUSINESS]),
        own=tuple(mask(problem.message) for problem in problems if problem.is_own)[:_MAX_PER_BUSINESS],
        total=len(problems),
    )
