"""The runner behind `serve`: it executes the runs that the Prefect server asks for, each in a process of its own.

There are no schedules here except for the nightly run, since `serve` itself takes drops and launches programs.
prefect.yaml has the schedules for workers. If a server already has the deployments of prefect.yaml, they stay as they
are: its workers execute the runs.
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
from flows.operations.doctor_checks import deployments_use_workers
from flows.serving.child_entry import NOT_NEEDED

#: When the nightly run starts. For workers, prefect.yaml has this schedule.
NIGHTLY = Cron("15 2 * * *", timezone="America/Chicago")


def serve_deployments() -> None:
    """Execute runs until stopped. Exits with NOT_NEEDED if workers do that."""
    try:
        use_workers = deployments_use_workers()
    except LaunchdropError as e:
        sys.exit(str(e))
    if use_workers:
        sys.exit(NOT_NEEDED)
    deployments = _make_deployment(intake), _make_deployment(launch), _make_deployment(nightly, NIGHTLY)
    serve(*deployments, pause_on_shutdown=False, print_starting_message=False)


def _make_deployment(flow: Flow[Any, Any], schedule: Schedule | None = None) -> RunnerDeployment:
    # By module path, so that a run finds the installed flow no matter in which folder it starts.
    return RunnerDeployment.from_flow(
        flow, name=flow.name, schedule=schedule, entrypoint_type=EntrypointType.MODULE_PATH
    )


if __name__ == "__main__":
    serve_deployments()
