"""Pauses launching after the ledger was restored from a backup, because it may have lost record of launches.

The archive keeps a marker of how far the ledger has come. A ledger that is behind the marker has lost something.
"""

import json
from dataclasses import asdict

from flows.ledger.core.control_flags import LedgerMarker, check_ledger_marker, get_ledger_marker
from flows.services import Services
from flows.stores import read_object

#: Key in the archive. No business's folder starts with an underscore.
MARKER_KEY = "_ledger.json"
#: Reported to the operator once.
RESTORED_MESSAGE = "the ledger was restored or replaced: launching is paused until `launchdrop launches resume`"


def pause_if_restored(services: Services) -> str | None:
    """Pause launching if the ledger is behind its marker. Returns the message for the operator if it paused now.

    Call this before anything is taken or launched: both move the ledger forward, possibly past its marker.
    """
    content = read_object(services.archive, MARKER_KEY)
    with services.ledger.begin() as conn:
        marker = LedgerMarker(**json.loads(content)) if content else None
        paused = check_ledger_marker(conn, marker, now=services.clock())
    return RESTORED_MESSAGE if paused else None


def save_marker(services: Services) -> None:
    """Write the marker of how far the ledger has come, if that has changed."""
    with services.ledger.read() as conn:
        content = json.dumps(asdict(get_ledger_marker(conn))).encode()
    if read_object(services.archive, MARKER_KEY) != content:
        services.archive.put(MARKER_KEY, content)
