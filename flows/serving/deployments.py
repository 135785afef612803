"""The runner behind `serve`: it carries out what the Prefect server asks for, each run in a process of its own.

Taking and launching need no schedule here, as `serve` does both in time; prefect.yaml has the schedules for workers.
A server that was deployed to from prefect.yaml stays as it is: its workers carry out what it asks for.
"""

import sys
from typing import Any

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.errors import LaunchdropError
from flows.intake_flow import intake
from flows.launch_flow import launch
from flows.nightly_flow import nightly
from flows.operations.probes import for_workers
from flows.serving.child_process import NOT_NEEDED

#: When the night's round begins; with workers, prefect.yaml says it.
NIGHTLY = Cron("15 2 * * *", timezone="America/Chicago")


def main() -> None:
    try:
        theirs = for_workers()
    except LaunchdropError as e:
        sys.exit(str(e))
    if theirs:
        sys.exit(NOT_NEEDED)
    deployments = _deployment(intake), _deployment(launch), _deployment(nightly, NIGHTLY)
    serve(*deployments, pause_on_shutdown=False, print_starting_message=False)


def _deployment(of: Flow[Any, Any], schedule: Schedule | None = None) -> RunnerDeployment:
    # By its module's name, so that the run finds it as installed, wherever it starts.
    return RunnerDeployment.from_flow(of, name=of.name, schedule=schedule, entrypoint_type=EntrypointType.MODULE_PATH)


if __name__ == "__main__":
    main()
