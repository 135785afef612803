"""Judging what is in the archive, with all that is known when it is judged."""

from collections.abc import Callable

from flows.known import what_is_known
from flows.pipeline import Pipeline
from flows.spooling import Spool
from schemas.drop import Drop, Known
from schemas.judge import judge
from schemas.judge import understood as manifest_of
from schemas.judgement import Judgement
from schemas.manifest import Manifest
from schemas.policy import Policy

Progress = Callable[[int, int], None]


def judge_drop(
    pipeline: Pipeline,
    drop: Drop,
    spool: Spool,
    progress: Progress | None = None,
    *,
    told: Callable[[Known], Known] = lambda known: known,
) -> Judgement:
    """The judgement of a drop in the archive, now; its rows are read from the spool as long as that is open.

    `told` may listen in on what judging is told.
    """
    settings = pipeline.settings
    known = what_is_known(pipeline, drop.business or "", understood(drop, settings.policy))
    return judge(
        drop,
        told(known),
        settings.policy,
        pipeline.clock(),
        caps=settings.caps,
        spool=spool,
        workers=pipeline.crew.workers if pipeline.crew else 1,
        elsewhere=pipeline.crew.executor() if pipeline.crew else None,
        progress=progress,
    )


def understood(drop: Drop, policy: Policy) -> Manifest | None:
    """What the drop's manifest says, as far as it can be read: to know whose drop this is before it is judged."""
    if not drop.manifests:
        return None
    with drop.manifests[0].open() as f:
        content = f.read(policy.max_manifest_bytes + 1)
    return manifest_of(content) if len(content) <= policy.max_manifest_bytes else None
