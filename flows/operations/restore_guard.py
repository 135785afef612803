"""A ledger that was restored from a backup starts paused: it may have forgotten launches.

How far the ledger has come is kept beside the archive; a ledger that is behind it has forgotten something.
"""

import json
from dataclasses import asdict

from flows.ledger.core.control_flags import LedgerMarker, check_ledger_marker, get_ledger_marker
from flows.services import Services
from flows.stores import read_object

#: In the archive; no business's folder starts with an underscore.
MARKER_KEY = "_ledger.json"
#: What the operator is told, once.
RESTORED_MESSAGE = "the ledger was restored or replaced: launching is paused until `launchdrop launches resume`"


def pause_if_restored(services: Services) -> str | None:
    """Pause launching where the ledger is behind its marker; what to tell the operator where that was done now.

    Asked before anything is taken or launched: either brings the ledger on, and might bring it past its marker.
    """
    beside = read_object(services.archive, MARKER_KEY)
    with services.ledger.begin() as conn:
        paused = check_ledger_marker(conn, LedgerMarker(**json.loads(beside)) if beside else None, now=services.clock())
    return RESTORED_MESSAGE if paused else None


def save_marker(services: Services) -> None:
    """Put down how far the ledger has come, where that has changed."""
    with services.ledger.read() as conn:
        now = json.dumps(asdict(get_ledger_marker(conn))).encode()
    if read_object(services.archive, MARKER_KEY) != now:
        services.archive.put(MARKER_KEY, now)
