"""Looking at the inbox: what lies there, compared with what the ledger knows of it. The listing is the truth."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from flows.arrival.completeness import (
    ArrivalTimes,
    DropReader,
    Incomplete,
    Settled,
    Waiting,
    fingerprint,
    judge_arrival,
    program_of,
    sight,
)
from flows.arrival.listing import Lying, Problem, batches, everything, some
from flows.arrival.manifests import parsed_manifests
from flows.ledger.core.engine import Ledger
from flows.ledger.core.outbox import add_to_outbox
from flows.ledger.intake.drops import (
    Sighting,
    WantedFiles,
    list_pending_drops_of_programs,
    read_idle_fingerprints,
    read_sightings,
    record_sightings,
)
from flows.operator_files.gallery import read_gallery_logo
from flows.stores import ObjectChanged, Store, StoreError, iter_blocks
from schemas.model.filenames import unsafe
from schemas.model.manifest import NumbersFile
from schemas.model.policy import Caps, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A drop that was taken, and that a process which died then did not empty."""

    sighting: Sighting


Outcome = Settled | Incomplete | Waiting | Left | Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Where drops arrive, what is known of them, and the limits that manifests are parsed with.

    With `emptied`, what was taken must not stay: where it does, it is given as Left.
    """

    store: Store
    ledger: Ledger
    settle: timedelta
    grace: timedelta
    policy: Policy
    caps: Caps = field(default_factory=Caps)
    emptied: bool = False


def arrivals(
    inbox: Inbox,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    business: str | None = None,
    drops: Iterable[tuple[str, str]] | None = None,
    meanwhile: Callable[[Sequence[Sighting]], None] = lambda _: None,
) -> list[Outcome]:
    """One pass over the inbox, one business, or some drops.

    Look, and where time alone may settle a drop, wait one settle time and look at that drop again; `meanwhile` is
    called as the wait begins, with what may be there to be taken after it. With some drops come those that wait for the
    same programs: their turn may be before. Settled drops come first, in the order in which their manifests were first
    seen; then the incomplete, the problems.
    """
    first = list(look(inbox, now=clock(), business=business, drops=drops))
    waiting = [(o.sighting.business, o.sighting.name) for o in first if isinstance(o, Waiting)]
    if waiting:
        began = clock()
        meanwhile([o.sighting for o in first if isinstance(o, Settled | Waiting)])
        sleep(min(inbox.settle, max(timedelta(), inbox.settle - (clock() - began))).total_seconds())
        first += look(inbox, now=clock(), drops=waiting)
    if drops is not None:
        first += look(inbox, now=clock(), drops=_kin(inbox, first) - {*drops})
    return list(_lined_up(sorted((o for o in first if not isinstance(o, Waiting)), key=_place)))


def _kin(inbox: Inbox, outcomes: Iterable[Outcome]) -> set[tuple[str, str]]:
    """All drops that wait for the programs that these settled ones are about."""
    programs = {program_of(o.sighting) for o in outcomes if isinstance(o, Settled)}
    with inbox.ledger.read() as conn:
        return {*list_pending_drops_of_programs(conn, sorted(program[:2] for program in programs if len(program) == 2))}


def _lined_up(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The settled, each knowing which drop of its program is before it; and the others."""
    last: dict[tuple[str, ...], str] = {}
    for outcome in outcomes:
        if isinstance(outcome, Settled):
            program, name = program_of(outcome.sighting), outcome.sighting.name
            yield Settled(sighting=replace(outcome.sighting, after_drop=last.get(program)))
            last[program] = name
        else:
            yield outcome


def look(
    inbox: Inbox,
    *,
    now: datetime,
    business: str | None = None,
    drops: Iterable[tuple[str, str]] | None = None,
) -> Iterator[Outcome]:
    """Look at the whole inbox, at one business, or at some drops, and write down in the ledger what was seen.

    Gives only what something is to be done about. Memory does not grow with what was taken already.
    """
    patience = ArrivalTimes(now=now, settle=inbox.settle, grace=inbox.grace)
    lying = some(inbox.store, drops) if drops is not None else everything(inbox.store, business)
    for item in batches(lying):
        if isinstance(item, Problem):
            yield item
        else:
            yield from _compare(inbox, item, patience)


def _compare(inbox: Inbox, batch: list[Lying], patience: ArrivalTimes) -> Iterator[Outcome]:
    """Look at up to BATCH drops of one business: a query or two, the files that must be read, one transaction."""
    business = batch[0].business
    with inbox.ledger.read() as conn:
        if not inbox.emptied:  # most drops are old ones: they are passed over by their fingerprint alone
            same = read_idle_fingerprints(conn, business, (lying.name for lying in batch))
            batch = [lying for lying in batch if same.get(lying.name) != fingerprint(lying.entries)]
        known = read_sightings(conn, business, (lying.name for lying in batch)) if batch else {}
    looked: list[Sighting] = []
    found: list[Outcome] = []
    for lying in batch:
        before = known.get(lying.name)
        after, outcome = _look_into(inbox, lying, before, patience)
        if after is not None and after != before:
            looked.append(after)
        if outcome is not None:
            found.append(outcome)
    written = {}
    if looked:
        with inbox.ledger.begin() as conn:
            written = {s.name: s for s in record_sightings(conn, looked)}
            for name in (
                s.name
                for s in looked
                if not s.incomplete_reported_at and s.name in known and known[s.name].incomplete_reported_at
            ):
                add_to_outbox(conn, "receipt", business, name)  # what was lacking was withdrawn
    yield from (_with_sighting(outcome, written) for outcome in found)


def _look_into(
    inbox: Inbox, lying: Lying, known: Sighting | None, patience: ArrivalTimes
) -> tuple[Sighting | None, Outcome | None]:
    """What is known of one drop after this look. A file that cannot be read is its business's trouble alone."""
    sighting = sight(known, lying.business, lying.name, lying.entries, patience.now)
    if known is None and sighting.pending is None:
        return None, None  # uploads under way and nothing else
    if sighting.pending is None:
        return sighting, _left(sighting, lying) if inbox.emptied else None
    prefix = f"{lying.business}/{lying.name}/"
    reading = DropReader(
        wanted=partial(_wanted, inbox, prefix),
        sha256=partial(_sha256, inbox.store, prefix),
        in_gallery=lambda name: read_gallery_logo(inbox.store, lying.business, name) is not None,
    )
    try:
        return judge_arrival(sighting, patience, reading)
    except ObjectChanged:
        return sighting, Waiting(sighting=sighting)
    except StoreError as e:
        return sighting, Problem(business=lying.business, what=f"drop {lying.name} cannot be read: {e}")


def _left(sighting: Sighting, lying: Lying) -> Left | None:
    taken = sighting.taken
    ours = {**taken.manifests, **taken.files} if taken else {}
    still = any(entry.version == ours.get(name) for name, entry in lying.entries.items())
    return Left(sighting=sighting) if still else None


def _wanted(inbox: Inbox, prefix: str, manifests: Mapping[str, str]) -> WantedFiles:
    """What the manifests of these versions ask for. One that cannot be understood asks for nothing: it is judged so."""
    named: dict[str, NumbersFile] = {}
    logo = reference = None
    for name, version in manifests.items():
        with inbox.store.open(prefix + name, version) as f:
            content = f.read(inbox.policy.max_manifest_bytes + 1)
        place = inbox.store.url, prefix + name, version
        manifest = parsed_manifests.parse(content, inbox.policy, inbox.caps, place=place).manifest
        if manifest and manifest.state == "active":
            named |= {n.file: n for n in manifest.files if _named(n.file, manifests)}
            logo = manifest.logo if manifest.logo and _named(manifest.logo, manifests) else logo
        reference = manifest.reference if manifest else reference
    return WantedFiles(
        manifests=dict(manifests),
        files={name: n.sha256.lower() if n.sha256 else None for name, n in named.items()},
        logo=logo,
        reference=reference,
        paths={name: n.path for name, n in named.items()} | ({logo: "logo"} if logo else {}),
        lines={name: n.line for name, n in named.items()},
    )


def _named(name: str, manifests: Mapping[str, str]) -> bool:
    """Whether a name in a manifest can be that of a file in the drop at all; others are the judge's to refuse."""
    return unsafe(name) is None and name not in manifests


def _sha256(store: Store, prefix: str, name: str, version: str) -> str:
    digest = hashlib.sha256()
    with store.open(prefix + name, version) as f:
        for block in iter_blocks(f):
            digest.update(block)
    return digest.hexdigest()


def _with_sighting(outcome: Outcome, written: Mapping[str, Sighting]) -> Outcome:
    """The outcome with the sighting as the ledger has it now, by which it is claimed."""
    if isinstance(outcome, Problem):
        return outcome
    sighting = written.get(outcome.sighting.name, outcome.sighting)
    if isinstance(outcome, Incomplete):
        return Incomplete(sighting=sighting, findings=outcome.findings)
    return type(outcome)(sighting=sighting)


def _place(outcome: Outcome) -> tuple[int, float, str]:
    if isinstance(outcome, Problem):
        return 2, 0, outcome.what
    seen = outcome.sighting.manifest_seen or outcome.sighting.first_seen
    return int(not isinstance(outcome, Settled)), seen.timestamp(), outcome.sighting.name
