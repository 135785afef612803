"""Judging what is in the archive, with all that is known when it is judged."""

from collections.abc import Callable

from flows.arrival.manifests import parsed_manifests
from flows.services import Services
from flows.validation.context import what_is_known
from flows.validation.scratch import OpenSpillFile
from schemas.judge import judge
from schemas.model.drop import Drop, Known
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest

Progress = Callable[[int, int], None]


def judge_drop(
    services: Services,
    drop: Drop,
    open_spill: OpenSpillFile,
    progress: Progress | None = None,
    *,
    told: Callable[[Known], Known] = lambda known: known,
) -> Judgment:
    """The judgment of a drop in the archive, now; its rows are read from its spill files as long as those are open.

    `told` may listen in on what judging is told.
    """
    settings = services.settings
    parsed = parsed_manifests.parse_drop(drop, settings.policy, settings.caps)
    known = what_is_known(services, drop.business or "", parsed.manifest if parsed else None)
    return judge(
        drop,
        told(known),
        settings.policy,
        services.clock(),
        parsed=parsed,
        caps=settings.caps,
        open_spill=open_spill,
        workers=services.row_workers,
        progress=progress,
    )


def manifest_of(services: Services, drop: Drop) -> Manifest | None:
    """What the drop's manifest says, right or wrong, before the drop is judged; None where it cannot be read."""
    parsed = parsed_manifests.parse_drop(drop, services.settings.policy, services.settings.caps)
    return parsed.manifest if parsed else None
