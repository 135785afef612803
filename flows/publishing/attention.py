"""What needs the operator after a pass: all that has failed, and what has begun to wait for a decision."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain

from flows.ledger.core.engine import Connection
from flows.ledger.programs.reviews import list_open_reviews
from flows.ledger.read import page_queries

#: How many lines are listed. If there are more, the last line says so.
MAX_LINES = 50


def list_attention_lines(
    conn: Connection, *, since: datetime, business: str | None = None, reported: Collection[str] = ()
) -> list[str]:
    """One line for each program that failed, and for each submission and review that waits since that time.

    Of one `business`, or of all. `reported` are lines about programs ("acme-bank/orders: ...") that the operator has
    seen already: these programs are left out.
    """
    seen = {line.partition(": ")[0] for line in reported}
    lines = list(chain(_failed_programs(conn, business, seen), _new_waits(conn, business, since)))
    more = len(lines) - MAX_LINES
    return [*lines[:MAX_LINES], *([f"and {more:,} more: see _operator/index.html in the reports"] if more > 0 else [])]


def _failed_programs(conn: Connection, business: str | None, seen: Collection[str]) -> Iterator[str]:
    for program in page_queries.list_stuck_programs(conn):
        name = f"{program.business}/{program.reference}"
        if business in (None, program.business) and name not in seen:
            state, reason = (program.state or "").replace("_", " "), program.reason or "no reason given"
            yield f"{name}: {state}: {reason}; `launchdrop launches retry {name}`"
    for batch in page_queries.list_unknown_batches(conn):
        name = f"{batch.business}/{batch.reference}"
        if business in (None, batch.business):
            yield f"{name}: the carrier's answer to a batch of {batch.size} numbers was lost; `launchdrop show {name}`"


def _new_waits(conn: Connection, business: str | None, since: datetime) -> Iterator[str]:
    for row in page_queries.list_held_submissions(conn):
        if business in (None, row.business) and row.judged_at >= since:
            name = f"{row.business}/{row.drop}"
            yield f"{name}: held: {'; '.join(row.held_because)}; `launchdrop submissions release {row.id}` or `reject`"
    for review in list_open_reviews(conn, business=business):
        if review.requested_at >= since:
            what = review.display_name.display if review.display_name else f"logo {review.logo_name or ''}".rstrip()
            yield f"{review.business}: {what} waits for review; `launchdrop review approve {review.id}` or `reject`"
