"""Judges a drop that has not arrived completely, so that its business can correct all of it at once."""

from functools import partial

from flows.arrival.completeness import IncompleteDrop, wanted_files
from flows.arrival.manifests import find_scanned_manifest
from flows.ledger.intake.drops import SeenObject, Sighting
from flows.services import Services
from flows.stores import hash_stream
from flows.validation.drop import read_judging_context
from schemas.judge import judge_incomplete, parse_drop_manifest
from schemas.manifest.logo import MAX_PARSED_BYTES
from schemas.model.drop import Drop, DropFile, explain_refused_kind
from schemas.model.filenames import MANIFEST_NAMES, is_partial_upload
from schemas.model.judgment import Judgment


def judge_incomplete_drop(services: Services, incomplete: IncompleteDrop) -> Judgment:
    """Judge the manifest of a drop in the inbox, and which of its files are there. Opens no numbers file.

    Raises ObjectChanged if the manifest or the logo has changed since the sighting.
    """
    settings, sighting = services.settings, incomplete.sighting
    drop = _open_drop_in_inbox(services, sighting)
    parsed = find_scanned_manifest(services.inbox, sighting)
    parsed = parsed or parse_drop_manifest(drop, settings.policy, settings.caps)
    return judge_incomplete(
        drop,
        read_judging_context(services, sighting.business, parsed.manifest if parsed else None),
        settings.policy,
        services.clock(),
        different=incomplete.different,
        parsed=parsed,
        caps=settings.caps,
    )


def _open_drop_in_inbox(services: Services, sighting: Sighting) -> Drop:
    """The drop as it was seen. Its files have a sha256 only where judging needs it: for the logo."""
    seen = sighting.pending.seen if sighting.pending else {}
    wanted = wanted_files(sighting) if sighting.pending and sighting.pending.wanted else None
    named = {*wanted.files, wanted.logo} if wanted else set()
    files = {
        name: _open_file(services, sighting, name, entry, is_logo=wanted is not None and name == wanted.logo)
        for name, entry in seen.items()
        if entry.kind == "file" and (name in named or not is_partial_upload(name))
    }
    return Drop(
        business=sighting.business,
        name=sighting.name,
        manifests=tuple(files.pop(name) for name in MANIFEST_NAMES if name in files),
        files=files,
        refused={name: explain_refused_kind(entry.kind) for name, entry in seen.items() if entry.kind != "file"},
    )


def _open_file(services: Services, sighting: Sighting, name: str, seen: SeenObject, *, is_logo: bool) -> DropFile:
    opener = partial(services.inbox.open, f"{sighting.business}/{sighting.name}/{name}", seen.version)
    sha256 = seen.sha256 or ""
    if is_logo and seen.size <= MAX_PARSED_BYTES:  # a larger one breaks a rule, whatever its bytes are
        with opener() as f:
            sha256 = hash_stream(f)
    return DropFile(name=name, bytes=seen.size, sha256=sha256, open=opener)
