"""Hints to the Prefect server: a launch run at each start. The ledger is the truth; a lost hint costs a minute."""

import logging
import os
from collections.abc import Iterable
from datetime import datetime

from flows.notifying.prefect_runs import briefly, unseen, why

log = logging.getLogger(__name__)

#: The deployment that `serve` and prefect.yaml both have.
DEPLOYMENT = "launch/launch"


def ask_for_launches(starts: Iterable[datetime]) -> int:
    """Ask for one launch run at each of these starts, all to come; how many. Asking again changes nothing."""
    starts = sorted(set(starts))
    if not starts or unseen() or "PREFECT_API_URL" not in os.environ:
        return 0
    from prefect.exceptions import ObjectNotFound

    try:
        with briefly():
            for start in starts:
                _ask_for(start)
    except ObjectNotFound:
        log.warning("No deployment %s on the Prefect server: launches wait for the next sweep.", DEPLOYMENT)
        return 0
    except Exception as e:  # whatever it is, what was taken is to be shown and told
        log.warning("the Prefect server was not asked for launches: %s; they wait for the next sweep", why(e))
        return 0
    return len(starts)


def _ask_for(start: datetime) -> None:
    from prefect.deployments import run_deployment

    key = f"launch {start.isoformat()}"
    run_deployment(DEPLOYMENT, scheduled_time=start, idempotency_key=key, timeout=0, as_subflow=False)
