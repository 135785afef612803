"""Judging what is in the archive, with all that is known when it is judged."""

import tempfile
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast

from flows.known import what_is_known
from flows.pipeline import Pipeline
from schemas import document, reading
from schemas.drop import Drop
from schemas.judge import judge
from schemas.judgement import Judgement
from schemas.manifest import Manifest
from schemas.notes import Notes
from schemas.policy import Policy

Progress = Callable[[int, int], None]

#: Rows of small drops stay in memory while they are judged; those of larger ones go to a temporary file.
SPOOLED = 16 << 20


def judge_drop(pipeline: Pipeline, drop: Drop, progress: Progress | None = None) -> Judgement:
    """The judgement of a drop in the archive, now."""
    settings = pipeline.settings
    known = what_is_known(pipeline, drop.business or "", understood(drop, settings.policy))
    return judge(
        drop,
        known,
        settings.policy,
        pipeline.clock(),
        caps=settings.caps,
        spool=spool,
        progress=progress,
    )


def understood(drop: Drop, policy: Policy) -> Manifest | None:
    """What the drop's manifest says, as far as it can be read: to know whose drop this is before it is judged."""
    if not drop.manifests:
        return None
    with drop.manifests[0].open() as f:
        return parse(policy, f.read(policy.max_manifest_bytes + 1))


def parse(policy: Policy, content: bytes) -> Manifest | None:
    """A manifest's bytes as understood; None where they cannot be read at all. Its faults are the judge's to tell."""
    if len(content) > policy.max_manifest_bytes:
        return None
    notes = Notes(0)
    tree = document.parse(content, notes)
    return reading.read(tree, notes).manifest if tree else None


def spool() -> BinaryIO:
    """A place for rows under judgement."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=SPOOLED))  # noqa: SIM115  its reader closes it
