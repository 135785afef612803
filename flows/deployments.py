"""The runner behind `serve`: it carries out what the Prefect server asks for, each run in a process of its own.

Taking and launching need no schedule here, as `serve` does both in time; prefect.yaml has the schedules for workers.
"""

from prefect import serve
from prefect.flows import EntrypointType

from flows.intake import intake
from flows.launch import launch
from flows.nightly import nightly

#: When the night's round begins, in the zone below; with workers, prefect.yaml says it.
NIGHTLY = "15 2 * * *"
ZONE = "America/Chicago"


def main() -> None:
    from prefect.schedules import Cron

    serve(
        intake.to_deployment("intake", entrypoint_type=EntrypointType.MODULE_PATH),
        launch.to_deployment("launch", entrypoint_type=EntrypointType.MODULE_PATH),
        nightly.to_deployment(
            "nightly", schedule=Cron(NIGHTLY, timezone=ZONE), entrypoint_type=EntrypointType.MODULE_PATH
        ),
        pause_on_shutdown=False,
        print_starting_message=False,
    )


if __name__ == "__main__":
    main()
