"""A ledger that was restored from a backup starts paused: it may have forgotten launches.

How far the ledger has come is kept beside the archive; a ledger that is behind it has forgotten something.
"""

import json
import logging
from dataclasses import asdict

from flows.ledger.flags import Marker, check_marker, marker
from flows.pipeline import Pipeline
from flows.stores import read

log = logging.getLogger(__name__)

#: In the archive; no business's folder starts with an underscore.
PLACE = "_ledger.json"


def check_restored(pipeline: Pipeline) -> bool:
    """Pause launching where the ledger is behind its marker; whether it was paused for that now."""
    beside = read(pipeline.archive, PLACE)
    with pipeline.ledger.begin() as conn:
        paused = check_marker(conn, Marker(**json.loads(beside)) if beside else None, now=pipeline.clock())
    if paused:
        log.warning("The ledger was restored or replaced: launching is paused. launchdrop launches resume goes on.")
    return paused


def keep_marker(pipeline: Pipeline) -> None:
    """Put down how far the ledger has come, where that has changed."""
    with pipeline.ledger.read() as conn:
        now = json.dumps(asdict(marker(conn))).encode()
    if read(pipeline.archive, PLACE) != now:
        pipeline.archive.put(PLACE, now)
