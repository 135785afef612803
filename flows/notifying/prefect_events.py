"""Sends the Prefect server an event for each transition in the ledger, after it was committed.

Automations can react to them: flows/automations.yaml has an example. Each event is sent at least once, and its id lets
the server recognize a repetition. If the server does not answer, the next pass sends them. Without a server, nothing is
sent.
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

#: Events sent in one request.
EVENTS_PER_REQUEST = 200
#: Events sent in one pass, which takes a few seconds. The next drop waits for that, so the next pass sends the rest.
MAX_EVENTS_PER_PASS = 2000
#: The server keeps events for seven days. Older transitions are never sent.
SERVER_RETENTION = timedelta(days=7)
REQUEST_TIMEOUT = 10.0

_EVENT_NAMES = {
    ("review", "in_review"): "requested",
    ("review", "approved"): "decided",
    ("review", "rejected"): "decided",
    ("branding", "at the carrier"): "told",
}


def send_new_events(services: Services, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Send the Prefect server an event for each transition since the last ones it got. Returns how many were sent.

    Sends at most MAX_EVENTS_PER_PASS, and checks `stop` between requests. The next pass sends the rest.
    """
    total = 0
    while total < MAX_EVENTS_PER_PASS and _has_server() and not stop():
        now = services.clock()
        with services.ledger.read() as conn:
            since = now - SERVER_RETENTION
            unreported = read_unreported_transitions(conn, now=now, since=since, limit=EVENTS_PER_REQUEST)
            cursor_moved = differs_from_saved_cursor(conn, unreported.cursor)
        if unreported.transitions and not _send_events([build_event(row) for row in unreported.transitions]):
            break
        if cursor_moved:
            with services.ledger.begin() as conn:
                save_event_cursor(conn, unreported.cursor)
        total += len(unreported.transitions)
        if len(unreported.transitions) < EVENTS_PER_REQUEST:
            break
    return total


def build_event(row: Row[Any]) -> dict[str, Any]:
    """The event for one transition: what changed, from which state to which, and why.

    Every text is masked, since a business may have named a program after a phone number.
    """
    change = {name: getattr(row, name) for name in ("business", "reference", "revision", "before", "after")}
    payload = (change | {"cause": row.cause}).items()
    business = _resource("business", row.business, {"prefect.resource.role": "business"}) if row.business else None
    return {
        # The unmasked change is part of the id: programs that look the same when masked have different events.
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"launchdrop {row.id} {row.at.isoformat()} {row.thing} {change}")),
        "occurred": row.at.isoformat(),
        "event": f"launchdrop.{row.thing}.{_EVENT_NAMES.get((row.thing, row.after), row.after)}",
        "resource": _changed_resource(row),
        "related": [business] if business else [],
        "payload": {name: _mask_text(value) for name, value in payload if value is not None},
    }


def _changed_resource(row: Row[Any]) -> dict[str, str]:
    if row.reference:
        return _resource("program", f"{row.business}/{row.reference}")
    return _resource("business", row.business) if row.business else _resource("ledger", "launching")


def _resource(kind: str, name: str, labels: dict[str, str] | None = None) -> dict[str, str]:
    masked = mask(name)
    return {"prefect.resource.id": f"launchdrop.{kind}.{masked}", "prefect.resource.name": masked} | (labels or {})


def _mask_text(value: Any) -> Any:
    return mask(value) if isinstance(value, str) else value


def _has_server() -> bool:
    if is_server_away():  # that was already logged; the next pass sends what this one could not
        return False
    if "PREFECT_API_URL" in os.environ:
        return True
    if "prefect" not in sys.modules:  # then no flow is running, and the import would take two seconds
        return False
    from prefect.context import FlowRunContext  # already loaded

    return FlowRunContext.get() is not None


def _send_events(events: list[dict[str, Any]]) -> bool:
    """Send events, and return whether the server accepted them. It answers once they are on their way to automations.

    There are only a few retries if it is busy or away, since the next launch has to wait for them.
    """
    from prefect.client.orchestration import get_client  # see _has_server

    try:
        with limited_retries(), get_client(sync_client=True, httpx_settings={"timeout": REQUEST_TIMEOUT}) as client:
            client.request("POST", "/events", json=events).raise_for_status()
    except Exception as e:
        problem = first_line(e)
        log.warning("the Prefect server did not get %d changes: %s; the next pass sends them", len(events), problem)
        return False
    return True
