"""Asks the Prefect server for a launch run at each program's start. A lost request only delays a launch by a minute."""

import logging
import os
from collections.abc import Iterable
from datetime import datetime

from flows.notifying.prefect_runs import first_line, is_server_away, limited_retries

log = logging.getLogger(__name__)

#: The deployment that both `serve` and prefect.yaml create.
LAUNCH_DEPLOYMENT = "launch/launch"


def request_launch_runs(starts: Iterable[datetime]) -> int:
    """Ask for one launch run at each of these future starts. Returns their number. A repeated request has no effect."""
    starts = sorted(set(starts))
    if not starts or is_server_away() or "PREFECT_API_URL" not in os.environ:
        return 0
    from prefect.exceptions import ObjectNotFound  # takes two seconds, and not every pass has a server

    try:
        with limited_retries():
            for start in starts:
                _request_launch_run(start)
    except ObjectNotFound:
        log.warning("no deployment %s on the Prefect server: launches wait for the next sweep", LAUNCH_DEPLOYMENT)
        return 0
    except Exception as e:  # no error may keep the pass from reporting what it took
        log.warning("the Prefect server did not schedule launches: %s; they wait for the next sweep", first_line(e))
        return 0
    return len(starts)


def _request_launch_run(start: datetime) -> None:
    from prefect.deployments import run_deployment  # see request_launch_runs

    key = f"launch {start.isoformat()}"
    run_deployment(LAUNCH_DEPLOYMENT, scheduled_time=start, idempotency_key=key, timeout=0, as_subflow=False)
