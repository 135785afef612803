"""Prefect events for every change of state, told from the ledger's history once it is committed.

An automation can act on them: flows/automations.yaml has one. Each move is told at least once, under an id of its own,
so that the server knows a repetition; a server that does not answer is told later. Nothing is told where no server is
set.
"""

import logging
import os
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flows.ledger.core.engine import Row
from flows.ledger.read.event_cursor import differs_from_saved_cursor, read_unreported_transitions, save_event_cursor
from flows.masking import mask
from flows.notifying.prefect_runs import first_line, is_server_away, limited_retries
from flows.services import Services

log = logging.getLogger(__name__)

#: Moves told in one request.
BATCH = 200
#: Moves told in one pass: a few seconds' worth, as the next drop waits meanwhile; the rest is the next pass's.
MOST = 2000
#: A server keeps events for seven days: on a ledger with a longer history, what is older is not told.
KEPT = timedelta(days=7)
TIMEOUT = 10.0

_NAMES = {
    ("review", "in_review"): "requested",
    ("review", "approved"): "decided",
    ("review", "rejected"): "decided",
    ("branding", "at the carrier"): "told",
}


def send_new_events(services: Services, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Tell the Prefect server what has happened since it was told last; how many events that were.

    No more than `MOST`, and `stop` is asked between requests; the rest is told the next time.
    """
    total = 0
    while total < MOST and _server_is_set() and not stop():
        now = services.clock()
        with services.ledger.read() as conn:
            changes = read_unreported_transitions(conn, now=now, since=now - KEPT, limit=BATCH)
            new = differs_from_saved_cursor(conn, changes.told)
        if changes.moves and not _sent([build_event(row) for row in changes.moves]):
            break
        if new:
            with services.ledger.begin() as conn:
                save_event_cursor(conn, changes.told)
        total += len(changes.moves)
        if len(changes.moves) < BATCH:
            break
    return total


def build_event(row: Row[Any]) -> dict[str, Any]:
    """One move as an event: what it is about, from which state to which, and why. No number, no other data.

    A business may have called its program by a number: every text is masked.
    """
    said = {name: getattr(row, name) for name in ("business", "reference", "revision", "before", "after")}
    of = _resource("business", row.business, {"prefect.resource.role": "business"}) if row.business else None
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"launchdrop {row.id} {row.at.isoformat()} {row.thing} {said}")),
        "occurred": row.at.isoformat(),
        "event": f"launchdrop.{row.thing}.{_NAMES.get((row.thing, row.after), row.after)}",
        "resource": _about(row),
        "related": [of] if of else [],
        "payload": {name: _masked(value) for name, value in (said | {"cause": row.cause}).items() if value is not None},
    }


def _about(row: Row[Any]) -> dict[str, str]:
    if row.reference:
        return _resource("program", f"{row.business}/{row.reference}")
    return _resource("business", row.business) if row.business else _resource("ledger", "launching")


def _resource(kind: str, name: str, more: dict[str, str] | None = None) -> dict[str, str]:
    shown = mask(name)
    return {"prefect.resource.id": f"launchdrop.{kind}.{shown}", "prefect.resource.name": shown} | (more or {})


def _masked(value: Any) -> Any:
    return mask(value) if isinstance(value, str) else value


def _server_is_set() -> bool:
    if is_server_away():  # its absence was said; what it missed is told with the next pass
        return False
    if "PREFECT_API_URL" in os.environ:
        return True
    if "prefect" not in sys.modules:  # nothing that took two seconds to import is under way
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def _sent(events: list[dict[str, Any]]) -> bool:
    """Whether the server has them; its answer comes once they are on their way to its automations.

    One that is busy or away is not insisted upon: what is due next waits meanwhile.
    """
    from prefect.client.orchestration import get_client

    try:
        with limited_retries(), get_client(sync_client=True, httpx_settings={"timeout": TIMEOUT}) as client:
            client.request("POST", "/events", json=events).raise_for_status()
    except Exception as e:
        log.warning(
            "the Prefect server was not told of %d changes: %s; it is told with the next pass", len(events), first_line(e)
        )
        return False
    return True
