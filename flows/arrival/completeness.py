"""Whether a drop is complete: pure steps from what was known and what lies there now to what is known then.

A drop is its folder's files by name. It is settled when its manifest and every file it names are: where the manifest
gives a sha256, only the match counts; otherwise the file looks the same in two looks a settle time apart.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from flows.ledger.intake.drops import PendingDrop, SeenObject, Sighting, TakenVersions, WantedFiles
from flows.stores import StoredObject
from schemas.model.filenames import folders_of, under_way
from schemas.model.findings import Finding
from schemas.rules import finding

MANIFESTS = ("program.yaml", "program.yml")

State = Literal["settled", "moving", "missing", "different"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A drop that is complete; what is pinned in its sighting is what is to be taken."""

    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A drop that is not complete after the arrival grace; to be told once."""

    sighting: Sighting
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A drop that time alone may settle: look again a settle time later."""

    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class DropReader:
    """How to read a drop's files: `wanted` gives what manifests ask for, `sha256` a file's; both of that version.

    `in_gallery`: whether the operator keeps a logo of this name for the business, so that none need arrive.
    """

    wanted: Callable[[Mapping[str, str]], WantedFiles]
    sha256: Callable[[str, str], str]
    in_gallery: Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalTimes:
    """The moment of a look, how long a file must look the same, and how long a drop may stay incomplete."""

    now: datetime
    settle: timedelta
    grace: timedelta


def fingerprint(entries: Mapping[str, StoredObject]) -> str:
    """Of all that lies in a drop, uploads under way included."""
    seen = hashlib.blake2b(digest_size=16)
    for name in sorted(entries):
        entry = entries[name]
        seen.update(f"{name}\0{entry.version}\0{entry.kind}\0\0".encode("utf-8", "surrogatepass"))
    return seen.hexdigest()


def sight(
    known: Sighting | None, business: str, name: str, entries: Mapping[str, StoredObject], now: datetime
) -> Sighting:
    """What is known after this look, before any file is opened. The same value when nothing is new."""
    mark = fingerprint(entries)
    if known and known.fingerprint == mark and not _from_the_future(known.pending, now):
        return known
    before = known.pending if known and known.pending and entries.keys() & known.pending.seen.keys() else None
    sighting = known or Sighting(business=business, name=name, first_seen=now)
    if not _news(entries, sighting.taken):
        return replace(sighting, fingerprint=mark, pending=None, incomplete_reported_at=None)
    if not before:
        sighting = replace(sighting, first_seen=now, manifest_seen=None, incomplete_reported_at=None)
    if not any(m in entries for m in MANIFESTS):
        sighting = replace(sighting, manifest_seen=None)
    elif not sighting.manifest_seen:
        sighting = replace(sighting, manifest_seen=now)
    seen = {name: _seen(entry, before.seen.get(name) if before else None, now) for name, entry in entries.items()}
    pending = replace(before, seen=seen) if before else PendingDrop(seen=seen)
    return replace(sighting, fingerprint=mark, pending=pending)


def judge_arrival(
    sighting: Sighting, patience: ArrivalTimes, reading: DropReader
) -> tuple[Sighting, Settled | Incomplete | Waiting | None]:
    """Where a drop with something new stands; None when it waits for what only its business can bring."""
    if sighting.pending is None:
        return sighting, None
    manifests = _manifests(sighting.pending)
    if not manifests:
        return sighting, _told(sighting, patience, [_without_manifest(sighting.pending)])
    if not all(_still(sighting.pending.seen[m], patience) for m in manifests):
        return sighting, Waiting(sighting=sighting)
    sighting = _with_wanted(sighting, manifests, reading)
    return _judge_files(sighting, patience, reading)


def take(sighting: Sighting) -> TakenVersions:
    """What is to be remembered once it is taken, so that none of it is taken again."""
    pending, wanted = _both(sighting)
    named = [*wanted.files, *([wanted.logo] if wanted.logo else [])]
    files = {name: pending.seen[name].version if name in pending.seen else "" for name in named}
    rest = {n: s.version for n, s in pending.seen.items() if n not in files and n not in wanted.manifests}
    return TakenVersions(manifests=dict(wanted.manifests), files=files, rest=rest)


def size_of(sighting: Sighting) -> int:
    """Bytes of what is to be taken; as long as its manifest was not read, of all that lies there."""
    pending = sighting.pending or PendingDrop(seen={})
    if pending.wanted is None:
        return sum(seen.size for seen in pending.seen.values())
    named = take(sighting)
    return sum(pending.seen[name].size for name in (*named.manifests, *named.files) if name in pending.seen)


def link_above(name: str, seen: Mapping[str, SeenObject]) -> str | None:
    """The link that this name leads through, so that it is refused like a link, whatever lies there."""
    return next((above for above in folders_of(name) if above in seen and seen[above].kind == "link"), None)


def program_of(sighting: Sighting) -> tuple[str, ...]:
    """The program that a drop is about; the drop itself, where its manifest does not say."""
    wanted = sighting.pending.wanted if sighting.pending else None
    if wanted and wanted.reference:
        return sighting.business, wanted.reference
    return sighting.business, "", sighting.name


def _judge_files(
    sighting: Sighting, patience: ArrivalTimes, reading: DropReader
) -> tuple[Sighting, Settled | Incomplete | Waiting | None]:
    pending, wanted = _both(sighting)
    if sighting.taken and _all_taken(sighting.taken, pending, wanted):
        rest = {n: s.version for n, s in pending.seen.items() if n not in sighting.taken.files}
        return replace(
            sighting, pending=None, incomplete_reported_at=None, taken=replace(sighting.taken, rest=rest)
        ), None
    pending = _hashed(pending, wanted, patience, reading)
    sighting = replace(sighting, pending=pending)
    uploads = _uploads(pending, patience)
    states = {name: _state(name, sha256, pending, patience, uploads) for name, sha256 in wanted.files.items()}
    if wanted.logo and (wanted.logo in pending.seen or not reading.in_gallery(wanted.logo)):
        states[wanted.logo] = _state(wanted.logo, None, pending, patience, uploads)
    if set(states.values()) <= {"settled"}:
        return sighting, Settled(sighting=sighting)
    faults = [_fault(n, state, pending) for n, state in states.items() if state in ("missing", "different")]
    if not faults or (any(s == "moving" for s in states.values()) and not _late(sighting, patience)):
        return sighting, Waiting(sighting=sighting)
    return sighting, _told(sighting, patience, faults)


def _state(name: str, sha256: str | None, pending: PendingDrop, patience: ArrivalTimes, uploads: set[str]) -> State:
    seen = pending.seen.get(name)
    if seen is None:
        return "settled" if link_above(name, pending.seen) else "missing"
    if seen.kind != "file" or (sha256 and seen.sha256 == sha256):
        return "settled"  # a link or the like will never be opened, whatever it does
    if not _still(seen, patience):
        return "moving"
    if sha256:
        return "different"
    return "moving" if name in uploads else "settled"


def _hashed(pending: PendingDrop, wanted: WantedFiles, patience: ArrivalTimes, reading: DropReader) -> PendingDrop:
    """With the sha256 of each file that the manifest gives one for, once it holds still: each version is read once."""
    seen = dict(pending.seen)
    for name in (n for n, sha256 in wanted.files.items() if sha256):
        file = seen.get(name)
        if file and file.kind == "file" and not file.sha256 and _still(file, patience):
            seen[name] = replace(file, sha256=reading.sha256(name, file.version))
    return replace(pending, seen=seen)


def _uploads(pending: PendingDrop, patience: ArrivalTimes) -> set[str]:
    """Names of which a new version is on its way under another name; a stale upload counts for the grace at most."""
    found: set[str] = set()
    for name, seen in pending.seen.items():
        folder, slash, file = name.rpartition("/")
        if under_way(file) and patience.now.timestamp() - seen.since < patience.grace.total_seconds():
            plain = file.lstrip(".")
            found |= {folder + slash + plain, folder + slash + plain.rpartition(".")[0]}  # x.part, .x, .x.Qw3rTy
    return found


def _with_wanted(sighting: Sighting, manifests: Mapping[str, str], reading: DropReader) -> Sighting:
    pending = sighting.pending
    if pending is None or (pending.wanted and pending.wanted.manifests == manifests):
        return sighting
    return replace(sighting, pending=replace(pending, wanted=reading.wanted(manifests)))


def _manifests(pending: PendingDrop) -> dict[str, str]:
    """Versions of the manifests that are there; one that is a link or a folder is none."""
    found = ((m, pending.seen.get(m)) for m in MANIFESTS)
    return {m: seen.version for m, seen in found if seen and seen.kind == "file"}


def _both(sighting: Sighting) -> tuple[PendingDrop, WantedFiles]:
    if sighting.pending is None or sighting.pending.wanted is None:
        raise ValueError(f"{sighting.business}/{sighting.name}: its manifest was not read")
    return sighting.pending, sighting.pending.wanted


def _all_taken(taken: TakenVersions, pending: PendingDrop, wanted: WantedFiles) -> bool:
    """Whether manifest and named files are the ones taken already: what is new is not named."""
    if taken.manifests != wanted.manifests:
        return False
    return all(pending.seen[n].version == version for n, version in taken.files.items() if n in pending.seen)


def _news(entries: Mapping[str, StoredObject], taken: TakenVersions | None) -> bool:
    old = {**taken.manifests, **taken.files, **taken.rest} if taken else {}
    return any(not under_way(name) and old.get(name) != entry.version for name, entry in entries.items())


def _seen(entry: StoredObject, before: SeenObject | None, now: datetime) -> SeenObject:
    if before and (before.version, before.kind) == (entry.version, entry.kind) and before.since <= now.timestamp():
        return before
    return SeenObject(entry.version, entry.size, entry.kind, now.timestamp())


def _from_the_future(pending: PendingDrop | None, now: datetime) -> bool:
    """Whether the clock was set back since the last look: what was seen after now counts as seen now."""
    return pending is not None and any(seen.since > now.timestamp() for seen in pending.seen.values())


def _still(seen: SeenObject, patience: ArrivalTimes) -> bool:
    return patience.now.timestamp() - seen.since >= patience.settle.total_seconds()


def _late(sighting: Sighting, patience: ArrivalTimes) -> bool:
    return patience.now - sighting.first_seen >= patience.grace


def _told(sighting: Sighting, patience: ArrivalTimes, findings: list[Finding]) -> Incomplete | None:
    if sighting.incomplete_reported_at or not _late(sighting, patience):
        return None
    return Incomplete(sighting=sighting, findings=tuple(findings))


def _fault(name: str, state: State, pending: PendingDrop) -> Finding:
    if state == "missing":
        wanted = pending.wanted or WantedFiles(manifests={})
        text = f"{name} is named in the manifest and did not arrive"
        path, line = wanted.paths.get(name), wanted.lines.get(name)
        return finding("MAN-005", text, file=name, path=path, line=line, value=name)
    size = pending.seen[name].size
    text = f"{name} arrived with {size} bytes, but its sha256 is not the one in the manifest: not yet whole, or another"
    return finding("CSV-003", text, file=name)


def _without_manifest(pending: PendingDrop) -> Finding:
    files = sorted(n for n in pending.seen if not under_way(n))
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return finding("MAN-018", f"{', '.join(files[:3])}{more} arrived without a program.yaml")
