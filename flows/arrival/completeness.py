"""Decides whether a drop is complete. Pure functions: they take what the ledger knew and what the inbox has now.

A drop has settled when its manifest and every file that the manifest names have settled. A file with a sha256 in the
manifest settles when it matches. Any other file settles when it has not changed for the settle time.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from flows.ledger.intake.drops import PendingDrop, SeenObject, Sighting, TakenVersions, WantedFiles
from flows.stores import StoredObject
from schemas.model.filenames import (
    MANIFEST_NAMES,
    is_partial_upload,
    match_names,
    names_meant_by_upload,
    normal_form,
    parent_folders,
)

FileState = Literal["settled", "changing", "missing", "different"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledDrop:
    """A complete drop. The versions in its sighting are the ones to take."""

    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompleteDrop:
    """A drop that is still incomplete after the arrival grace. It is reported once for each version of its manifest.

    `different` has the sha256 of each file that is there, but not with the sha256 that the manifest gives.
    """

    sighting: Sighting
    different: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsettledDrop:
    """A drop that may settle without any new file. Scan it again after the settle time."""

    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class DropReader:
    """Functions that read a drop's files.

    `read_wanted` takes the version of each manifest and returns what they ask for. `hash_file` takes a file's name and
    version. `is_in_gallery` says whether the operator has a logo of this name for the business, so that it need not be
    in the drop.
    """

    read_wanted: Callable[[Mapping[str, str]], WantedFiles]
    hash_file: Callable[[str, str], str]
    is_in_gallery: Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalTimes:
    """The time of the scan, the settle time, and how long a drop may stay incomplete before it is reported."""

    now: datetime
    settle: timedelta
    grace: timedelta


def fingerprint_listing(entries: Mapping[str, StoredObject]) -> str:
    """A hash over the names, versions and kinds of everything in a drop, including partial uploads."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(entries):
        entry = entries[name]
        digest.update(f"{name}\0{entry.version}\0{entry.kind}\0\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def update_sighting(
    known: Sighting | None, business: str, name: str, entries: Mapping[str, StoredObject], now: datetime
) -> Sighting:
    """The sighting after this scan, before any file is opened. Returns `known` itself if nothing has changed."""
    fingerprint = fingerprint_listing(entries)
    if known and known.fingerprint == fingerprint and not _has_future_times(known.pending, now):
        return known
    before = known.pending if known and known.pending and entries.keys() & known.pending.seen.keys() else None
    sighting = known or Sighting(business=business, name=name, first_seen=now)
    if not _has_new_versions(entries, sighting.taken):
        return replace(sighting, fingerprint=fingerprint, pending=None, incomplete_reported_at=None)
    if not before:
        sighting = replace(sighting, first_seen=now, manifest_seen=None, incomplete_reported_at=None)
    if not any(file in entries for file in MANIFEST_NAMES):
        sighting = replace(sighting, manifest_seen=None)
    elif not sighting.manifest_seen:
        sighting = replace(sighting, manifest_seen=now)
    seen = {file: _see(entry, before.seen.get(file) if before else None, now) for file, entry in entries.items()}
    pending = replace(before, seen=seen) if before else PendingDrop(seen=seen)
    return replace(sighting, fingerprint=fingerprint, pending=pending)


def check_completeness(
    sighting: Sighting, times: ArrivalTimes, reader: DropReader
) -> tuple[Sighting, SettledDrop | IncompleteDrop | UnsettledDrop | None]:
    """Check a drop, and add to its sighting what was read of its files.

    The outcome is None if nothing is new in the drop, or if it waits for files that its business has to upload.
    """
    if sighting.pending is None:
        return sighting, None
    manifests = sighting.pending.manifests()
    if not manifests:
        return sighting, _report_once(sighting, times)
    if not all(_is_stable(sighting.pending.seen[name], times) for name in manifests):
        return sighting, UnsettledDrop(sighting=sighting)
    sighting = _with_wanted(sighting, manifests, reader)
    if _require_wanted(sighting)[1].has_blank_manifest:
        return sighting, _report_once(sighting, times)
    return _check_files(sighting, times, reader)


def versions_to_take(sighting: Sighting) -> TakenVersions:
    """The versions of a settled drop, as the ledger records them when it is taken: none is taken again."""
    pending, wanted = _require_wanted(sighting)
    files = {name: pending.seen[name].version if name in pending.seen else "" for name in _names_of(wanted)}
    rest = {n: s.version for n, s in pending.seen.items() if n not in files and n not in wanted.manifests}
    return TakenVersions(manifests=dict(wanted.manifests), files=files, rest=rest)


def bytes_to_take(sighting: Sighting) -> int:
    """The size of the manifests and named files; of everything in the drop, if its manifest was not read yet."""
    pending = sighting.pending or PendingDrop(seen={})
    if pending.wanted is None:
        return sum(seen.size for seen in pending.seen.values())
    taken = versions_to_take(sighting)
    return sum(pending.seen[name].size for name in (*taken.manifests, *taken.files) if name in pending.seen)


def list_links(seen: Mapping[str, SeenObject]) -> dict[str, str]:
    """The links in a drop, by the normal form of their names."""
    return {normal_form(name): name for name, entry in seen.items() if entry.kind == "link"}


def find_link_above(name: str, links: Mapping[str, str]) -> str | None:
    """The first link on the path to a file. A file below a link is refused like a link, no matter where it leads."""
    return next((links[form] for folder in parent_folders(name) if (form := normal_form(folder)) in links), None)


def wanted_files(sighting: Sighting) -> WantedFiles:
    """What the manifest asks for, by the names that the files have in the drop. A missing file has its listed name.

    Raises ValueError if the manifest was not read.
    """
    return _require_wanted(sighting)[1]


def names_in_manifest(sighting: Sighting) -> dict[str, str]:
    """The listed name of each file that the manifest lists and the drop has. Raises ValueError as above."""
    pending, listed = _require_listed(sighting)
    return {found: name for name, found in match_names(_names_of(listed), pending.seen).items()}


def program_key(sighting: Sighting) -> tuple[str, ...]:
    """What identifies the drop's program, for sorting and comparing.

    (business, reference), or (business, "", drop) if the manifest gives no reference.
    """
    wanted = sighting.pending.wanted if sighting.pending else None
    if wanted and wanted.reference:
        return sighting.business, wanted.reference
    return sighting.business, "", sighting.name


def _check_files(
    sighting: Sighting, times: ArrivalTimes, reader: DropReader
) -> tuple[Sighting, SettledDrop | IncompleteDrop | UnsettledDrop | None]:
    pending, wanted = _require_wanted(sighting)
    if sighting.taken and _is_taken(sighting.taken, pending, wanted):
        rest = {n: s.version for n, s in pending.seen.items() if n not in sighting.taken.files}
        taken = replace(sighting.taken, rest=rest)
        return replace(sighting, pending=None, incomplete_reported_at=None, taken=taken), None
    pending = _hash_stable_files(pending, wanted, times, reader)
    sighting = replace(sighting, pending=pending)
    states = _file_states(pending, wanted, times, reader)
    if set(states.values()) <= {"settled"}:
        return sighting, SettledDrop(sighting=sighting)
    is_incomplete = not {"missing", "different"}.isdisjoint(states.values())
    if not is_incomplete or ("changing" in states.values() and not _is_late(sighting, times)):
        return sighting, UnsettledDrop(sighting=sighting)
    different = {name: pending.seen[name].sha256 or "" for name, state in states.items() if state == "different"}
    return sighting, _report_once(sighting, times, different)


def _file_states(
    pending: PendingDrop, wanted: WantedFiles, times: ArrivalTimes, reader: DropReader
) -> dict[str, FileState]:
    """The state of each named file, and of the logo unless the gallery has it."""
    uploading, links = _files_being_uploaded(pending, times), list_links(pending.seen)
    state = partial(_file_state, pending=pending, times=times, uploading=uploading, links=links)
    states = {name: state(name, sha256) for name, sha256 in wanted.files.items()}
    if wanted.logo and (wanted.logo in pending.seen or not reader.is_in_gallery(wanted.logo)):
        states[wanted.logo] = state(wanted.logo, None)
    return states


def _file_state(
    name: str,
    sha256: str | None,
    *,
    pending: PendingDrop,
    times: ArrivalTimes,
    uploading: set[str],
    links: Mapping[str, str],
) -> FileState:
    seen = pending.seen.get(name)
    if seen is None:
        return "settled" if find_link_above(name, links) else "missing"
    if seen.kind != "file" or (sha256 and seen.sha256 == sha256):
        return "settled"  # a link or another special file is never opened, so it need not settle
    if not _is_stable(seen, times):
        return "changing"
    if sha256:
        return "different"
    return "changing" if name in uploading else "settled"


def _hash_stable_files(
    pending: PendingDrop, wanted: WantedFiles, times: ArrivalTimes, reader: DropReader
) -> PendingDrop:
    """Hash the files for which the manifest gives a sha256, each version once, when it no longer changes."""
    seen = dict(pending.seen)
    for name in (n for n, sha256 in wanted.files.items() if sha256):
        file = seen.get(name)
        if file and file.kind == "file" and not file.sha256 and _is_stable(file, times):
            seen[name] = replace(file, sha256=reader.hash_file(name, file.version))
    return replace(pending, seen=seen)


def _files_being_uploaded(pending: PendingDrop, times: ArrivalTimes) -> set[str]:
    """Names for which there is a partial upload under another name. An upload older than the grace does not count."""
    names: set[str] = set()
    for name, seen in pending.seen.items():
        folder, slash, file = name.rpartition("/")
        if is_partial_upload(file) and times.now.timestamp() - seen.since < times.grace.total_seconds():
            names |= {folder + slash + meant for meant in names_meant_by_upload(file)}
    return names


def _with_wanted(sighting: Sighting, manifests: Mapping[str, str], reader: DropReader) -> Sighting:
    """Read what the manifests ask for, unless these versions have been read before."""
    pending = sighting.pending
    if pending is None or (pending.wanted and pending.wanted.manifests == manifests):
        return sighting
    return replace(sighting, pending=replace(pending, wanted=reader.read_wanted(manifests)))


def _names_of(wanted: WantedFiles) -> list[str]:
    return [*wanted.files, *([wanted.logo] if wanted.logo else [])]


def _require_wanted(sighting: Sighting) -> tuple[PendingDrop, WantedFiles]:
    """What is pending, and what its manifest asks for, by the names in the drop."""
    pending, listed = _require_listed(sighting)
    names = match_names(_names_of(listed), pending.seen)
    files = {names.get(name, name): sha256 for name, sha256 in listed.files.items()}
    return pending, replace(listed, files=files, logo=listed.logo and names.get(listed.logo, listed.logo))


def _require_listed(sighting: Sighting) -> tuple[PendingDrop, WantedFiles]:
    """What is pending, and what its manifest asks for, by the names in the manifest."""
    if sighting.pending is None or sighting.pending.wanted is None:
        raise ValueError(f"{sighting.business}/{sighting.name}: its manifest was not read")
    return sighting.pending, sighting.pending.wanted


def _is_taken(taken: TakenVersions, pending: PendingDrop, wanted: WantedFiles) -> bool:
    """Whether manifests and named files have been taken already. Only files that no manifest names are new then."""
    if taken.manifests != wanted.manifests:
        return False
    named = {*taken.files, *_names_of(wanted)}
    return all(pending.seen[name].version == taken.files.get(name) for name in named if name in pending.seen)


def _has_new_versions(entries: Mapping[str, StoredObject], taken: TakenVersions | None) -> bool:
    old = {**taken.manifests, **taken.files, **taken.rest} if taken else {}
    return any(not is_partial_upload(name) and old.get(name) != entry.version for name, entry in entries.items())


def _see(entry: StoredObject, before: SeenObject | None, now: datetime) -> SeenObject:
    if before and (before.version, before.kind) == (entry.version, entry.kind) and before.since <= now.timestamp():
        return before
    return SeenObject(entry.version, entry.size, entry.kind, now.timestamp())


def _has_future_times(pending: PendingDrop | None, now: datetime) -> bool:
    """Whether the clock was set back since the last scan. Files with a later time then count as first seen now."""
    return pending is not None and any(seen.since > now.timestamp() for seen in pending.seen.values())


def _is_stable(seen: SeenObject, times: ArrivalTimes) -> bool:
    return times.now.timestamp() - seen.since >= times.settle.total_seconds()


def _is_late(sighting: Sighting, times: ArrivalTimes) -> bool:
    return times.now - sighting.first_seen >= times.grace


def _report_once(
    sighting: Sighting, times: ArrivalTimes, different: Mapping[str, str] | None = None
) -> IncompleteDrop | None:
    if not _is_late(sighting, times) or (sighting.incomplete_reported_at and not _has_corrected_manifest(sighting)):
        return None
    return IncompleteDrop(sighting=sighting, different=different or {})


def _has_corrected_manifest(sighting: Sighting) -> bool:
    """Whether the manifest has changed since the drop was reported as incomplete: what was found is out of date."""
    pending = sighting.pending
    return pending is not None and pending.reported_manifests not in (None, pending.manifests())
