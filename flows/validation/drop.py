"""Judging what is in the archive, with all that is known when it is judged."""

from collections.abc import Callable

from flows.services import Services
from flows.validation.context import what_is_known
from flows.validation.scratch import Spool
from schemas.judge import judge
from schemas.judge import understood as manifest_of
from schemas.model.drop import Drop, Known
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest
from schemas.model.policy import Policy

Progress = Callable[[int, int], None]


def judge_drop(
    services: Services,
    drop: Drop,
    spool: Spool,
    progress: Progress | None = None,
    *,
    told: Callable[[Known], Known] = lambda known: known,
) -> Judgment:
    """The judgment of a drop in the archive, now; its rows are read from the spool as long as that is open.

    `told` may listen in on what judging is told.
    """
    settings = services.settings
    known = what_is_known(services, drop.business or "", understood(drop, settings.policy))
    return judge(
        drop,
        told(known),
        settings.policy,
        services.clock(),
        caps=settings.caps,
        spool=spool,
        workers=services.row_workers,
        progress=progress,
    )


def understood(drop: Drop, policy: Policy) -> Manifest | None:
    """What the drop's manifest says, as far as it can be read: to know whose drop this is before it is judged."""
    if not drop.manifests:
        return None
    with drop.manifests[0].open() as f:
        content = f.read(policy.max_manifest_bytes + 1)
    return manifest_of(content) if len(content) <= policy.max_manifest_bytes else None
