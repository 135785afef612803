"""Judges a drop in the archive by what the operator and the ledger know at that time."""

from collections.abc import Callable
from functools import partial

from flows.arrival.manifests import manifest_cache
from flows.ledger.programs.businesses import read_business
from flows.ledger.programs.numbers import count_removed_by_replace, read_purposes
from flows.ledger.programs.ownership import LedgerClaims
from flows.ledger.programs.programs import read_existing_program
from flows.operator_files.area_codes import load_area_codes
from flows.operator_files.do_not_originate import load_do_not_originate
from flows.operator_files.gallery import read_gallery_logo
from flows.services import Services
from flows.validation.open_rejections import read_previous_submission
from schemas.judge import judge
from schemas.model.callbacks import OpenSpillFile, Progress
from schemas.model.drop import Drop
from schemas.model.judging_context import JudgingContext
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest


def judge_archived_drop(
    services: Services,
    drop: Drop,
    open_spill: OpenSpillFile,
    progress: Progress | None = None,
    *,
    submission: str,
    wrap_context: Callable[[JudgingContext], JudgingContext] = lambda context: context,
) -> Judgment:
    """Judge the drop of a submission in the archive. Its rows can be read until the spill files are closed.

    It is compared with the submissions for its program apart from itself, which an earlier judging may have registered.
    `wrap_context` may return a context that records what judging asks.
    """
    settings = services.settings
    parsed = manifest_cache.parse_drop(drop, settings.policy, settings.caps)
    manifest = parsed.manifest if parsed else None
    context = read_judging_context(services, drop.business or "", manifest, apart_from=submission)
    return judge(
        drop,
        wrap_context(context),
        settings.policy,
        services.clock(),
        parsed=parsed,
        caps=settings.caps,
        open_spill=open_spill,
        workers=services.row_workers,
        progress=progress,
    )


def read_judging_context(
    services: Services, business: str, manifest: Manifest | None, *, apart_from: str | None = None
) -> JudgingContext:
    """What the operator and the ledger know that the rules ask for. The manifest says which program it is about.

    `apart_from` is the submission that is judged.
    """
    reference = manifest.reference if manifest else None
    with services.ledger.read() as conn:
        registered = read_business(conn, business)
        program = read_existing_program(conn, business, reference) if reference else None
        previous = (
            read_previous_submission(conn, services.archive, business, reference, apart_from=apart_from)
            if reference
            else None
        )
    return JudgingContext(
        business=registered,
        is_registered=registered is not None,
        has_ledger=True,
        program=program,
        previous=previous,
        claims=LedgerClaims(
            ledger=services.ledger,
            business=business,
            reference=reference,
            reassign=bool(manifest and manifest.reassign),
        ),
        do_not_originate=load_do_not_originate(services.settings),
        area_codes=load_area_codes(services.settings),
        gallery=partial(read_gallery_logo, services.inbox, business),
        count_removed_by_replace=(
            partial(count_removed_by_replace, services.ledger, business, reference) if program and reference else None
        ),
        read_purposes=partial(read_purposes, services.ledger, business, reference) if program and reference else None,
    )


def read_manifest(services: Services, drop: Drop) -> Manifest | None:
    """What the drop's manifest says, valid or not. None if the drop has no manifest, or one that cannot be read."""
    parsed = manifest_cache.parse_drop(drop, services.settings.policy, services.settings.caps)
    return parsed.manifest if parsed else None
