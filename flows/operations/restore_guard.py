"""A ledger that was restored from a backup starts paused: it may have forgotten launches.

How far the ledger has come is kept beside the archive; a ledger that is behind it has forgotten something.
"""

import json
from dataclasses import asdict

from flows.ledger.core.control_flags import Marker, check_marker, marker
from flows.services import Services
from flows.stores import read

#: In the archive; no business's folder starts with an underscore.
PLACE = "_ledger.json"
#: What the operator is told, once.
TOLD = "the ledger was restored or replaced: launching is paused until `launchdrop launches resume`"


def check_restored(services: Services) -> str | None:
    """Pause launching where the ledger is behind its marker; what to tell the operator where that was done now.

    Asked before anything is taken or launched: either brings the ledger on, and might bring it past its marker.
    """
    beside = read(services.archive, PLACE)
    with services.ledger.begin() as conn:
        paused = check_marker(conn, Marker(**json.loads(beside)) if beside else None, now=services.clock())
    return TOLD if paused else None


def keep_marker(services: Services) -> None:
    """Put down how far the ledger has come, where that has changed."""
    with services.ledger.read() as conn:
        now = json.dumps(asdict(marker(conn))).encode()
    if read(services.archive, PLACE) != now:
        services.archive.put(PLACE, now)
