"""Scans the inbox: compares it with the ledger, and finds the drops that something must be done for.

The listing of the inbox decides what is there. Events from the store are only hints where to look.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from flows.arrival.completeness import (
    ArrivalTimes,
    DropReader,
    IncompleteDrop,
    SettledDrop,
    UnsettledDrop,
    check_completeness,
    fingerprint_listing,
    program_key,
    update_sighting,
)
from flows.arrival.listing import DropListing, InboxProblem, batch_listings, list_all_drops, list_drops
from flows.arrival.manifests import manifest_cache
from flows.ledger.core.engine import Ledger
from flows.ledger.core.outbox import add_incomplete_drop_to_outbox
from flows.ledger.intake.drops import (
    Sighting,
    WantedFiles,
    list_pending_drops_of_programs,
    read_idle_fingerprints,
    read_sightings,
    record_sightings,
)
from flows.operator_files.gallery import read_gallery_logo
from flows.stores import ObjectChanged, Store, StoreError, hash_stream
from schemas.model.filenames import explain_unsafe_name
from schemas.model.manifest import NumbersFile
from schemas.model.policy import FindingCaps, Policy

#: Bytes of a manifest that has no content yet: white space, a byte order mark, space that was allocated in advance.
_BLANK = b" \t\r\n\0\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverDrop:
    """A drop that was taken but not deleted from the inbox, because the process that took it has died."""

    sighting: Sighting


ScanOutcome = SettledDrop | IncompleteDrop | UnsettledDrop | LeftoverDrop | InboxProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What a scan needs: the store, the ledger, the settle time and arrival grace, and the limits for manifests.

    `empty_after_intake`: taken drops are deleted from the inbox. Those that are still there become LeftoverDrops.
    """

    store: Store
    ledger: Ledger
    settle: timedelta
    grace: timedelta
    policy: Policy
    caps: FindingCaps = field(default_factory=FindingCaps)
    empty_after_intake: bool = False


def find_arrivals(
    inbox: Inbox,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    business: str | None = None,
    drops: Iterable[tuple[str, str]] | None = None,
    on_wait: Callable[[Sequence[Sighting]], None] = lambda _: None,
) -> list[ScanOutcome]:
    """Scan the inbox, one business, or some drops. Wait one settle time if that may settle more, and scan those again.

    `on_wait` is called as the wait begins, with the drops that may be taken after it. With some `drops`, the pending
    drops for the same programs are scanned too, because they may have to be taken first.

    Returns the settled drops first, in the order in which their manifests were first seen, then the other drops, then
    the problems.
    """
    outcomes = list(scan_inbox(inbox, now=clock(), business=business, drops=drops))
    unsettled = [(o.sighting.business, o.sighting.name) for o in outcomes if isinstance(o, UnsettledDrop)]
    if unsettled:
        began = clock()
        on_wait([o.sighting for o in outcomes if isinstance(o, SettledDrop | UnsettledDrop)])
        sleep(min(inbox.settle, max(timedelta(), inbox.settle - (clock() - began))).total_seconds())
        outcomes += scan_inbox(inbox, now=clock(), drops=unsettled)
    if drops is not None:
        outcomes += scan_inbox(inbox, now=clock(), drops=_find_drops_of_same_programs(inbox, outcomes) - {*drops})
    found = sorted((o for o in outcomes if not isinstance(o, UnsettledDrop)), key=_sort_key)
    return list(_set_predecessors(found))


def find_newly_settled(inbox: Inbox, *, now: datetime, except_businesses: Collection[str]) -> list[SettledDrop]:
    """Scan the inbox once more during a pass, without waiting: the drops that can be taken now, in their order.

    Other outcomes are left to the next pass. What a first look finds unsettled, a later one may find settled.
    """
    outcomes = scan_inbox(inbox, now=now, except_businesses=except_businesses)
    found = _set_predecessors(sorted(outcomes, key=_sort_key))
    return [outcome for outcome in found if isinstance(outcome, SettledDrop)]


def scan_inbox(
    inbox: Inbox,
    *,
    now: datetime,
    business: str | None = None,
    drops: Iterable[tuple[str, str]] | None = None,
    except_businesses: Collection[str] = (),
) -> Iterator[ScanOutcome]:
    """Scan the whole inbox, one business, or some drops, and record in the ledger what was seen.

    Yields only what something must be done for. Memory does not grow with the drops that were taken already.
    """
    times = ArrivalTimes(now=now, settle=inbox.settle, grace=inbox.grace)
    if drops is not None:
        listings = list_drops(inbox.store, drops)
    else:
        listings = list_all_drops(inbox.store, business, except_businesses)
    for batch in batch_listings(listings):
        if isinstance(batch, InboxProblem):
            yield batch
        else:
            yield from _scan_batch(inbox, batch, times)


def _scan_batch(inbox: Inbox, batch: list[DropListing], times: ArrivalTimes) -> Iterator[ScanOutcome]:
    """Scan drops of one business: one or two queries, reads of the files that need it, and one transaction."""
    business = batch[0].business
    with inbox.ledger.read() as conn:
        if not inbox.empty_after_intake:  # most drops are old: their fingerprint is enough to skip them
            idle = read_idle_fingerprints(conn, business, (listing.name for listing in batch))
            batch = [listing for listing in batch if idle.get(listing.name) != fingerprint_listing(listing.entries)]
        known = read_sightings(conn, business, (listing.name for listing in batch)) if batch else {}
    changed: list[Sighting] = []
    outcomes: list[ScanOutcome] = []
    for listing in batch:
        before = known.get(listing.name)
        after, outcome = _scan_drop(inbox, listing, before, times)
        if after is not None and after != before:
            changed.append(after)
        if outcome is not None:
            outcomes.append(outcome)
    recorded = _record(inbox, changed, known) if changed else {}
    yield from (_with_recorded_sighting(outcome, recorded) for outcome in outcomes)


def _record(inbox: Inbox, changed: list[Sighting], known: Mapping[str, Sighting]) -> dict[str, Sighting]:
    """Record the sightings of one business. A drop that is no longer incomplete gets its previous receipt again."""
    with inbox.ledger.begin() as conn:
        recorded = record_sightings(conn, changed)
        for after in changed:
            before = known.get(after.name)
            if before and before.incomplete_reported_at and not after.incomplete_reported_at:
                add_incomplete_drop_to_outbox(conn, after.business, after.name)
    return {sighting.name: sighting for sighting in recorded}


def _scan_drop(
    inbox: Inbox, listing: DropListing, known: Sighting | None, times: ArrivalTimes
) -> tuple[Sighting | None, ScanOutcome | None]:
    """The sighting of one drop after this scan, and the outcome. If a file cannot be read, that is a problem."""
    sighting = update_sighting(known, listing.business, listing.name, listing.entries, times.now)
    if known is None and sighting.pending is None:
        return None, None  # nothing but partial uploads
    if sighting.pending is None:
        return sighting, _find_leftover(sighting, listing) if inbox.empty_after_intake else None
    prefix = f"{listing.business}/{listing.name}/"
    reader = DropReader(
        read_wanted=partial(_read_wanted, inbox, prefix),
        hash_file=partial(_hash_file, inbox.store, prefix),
        is_in_gallery=lambda name: read_gallery_logo(inbox.store, listing.business, name) is not None,
    )
    try:
        return check_completeness(sighting, times, reader)
    except ObjectChanged:
        return sighting, UnsettledDrop(sighting=sighting)
    except StoreError as e:
        message = f"drop {listing.name} cannot be read: {e}"
        return sighting, InboxProblem(business=listing.business, message=message)


def _find_leftover(sighting: Sighting, listing: DropListing) -> LeftoverDrop | None:
    taken = sighting.taken
    versions = {**taken.manifests, **taken.files} if taken else {}
    is_there = any(entry.version == versions.get(name) for name, entry in listing.entries.items())
    return LeftoverDrop(sighting=sighting) if is_there else None


def _read_wanted(inbox: Inbox, prefix: str, manifests: Mapping[str, str]) -> WantedFiles:
    """What the manifests of these versions ask for. Nothing if they cannot be parsed; judging the drop reports that."""
    named: dict[str, NumbersFile] = {}
    logo = reference = None
    has_blank_manifest = False
    for name, version in manifests.items():
        with inbox.store.open(prefix + name, version) as f:
            content = f.read(inbox.policy.max_manifest_bytes + 1)
        has_blank_manifest |= not content.strip(_BLANK)
        place = inbox.store.url, prefix + name, version
        manifest = manifest_cache.parse(content, inbox.policy, inbox.caps, place=place).manifest
        if manifest and manifest.state == "active":
            named |= {n.file: n for n in manifest.files if _can_be_in_drop(n.file, manifests)}
            logo = manifest.logo if manifest.logo and _can_be_in_drop(manifest.logo, manifests) else logo
        reference = manifest.reference if manifest else reference
    return WantedFiles(
        manifests=dict(manifests),
        files={name: n.sha256.lower() if n.sha256 else None for name, n in named.items()},
        logo=logo,
        reference=reference,
        has_blank_manifest=has_blank_manifest,
    )


def _can_be_in_drop(name: str, manifests: Mapping[str, str]) -> bool:
    """Whether a name in a manifest can be a file in the drop. Judging the drop reports the other names."""
    return explain_unsafe_name(name) is None and name not in manifests


def _hash_file(store: Store, prefix: str, name: str, version: str) -> str:
    with store.open(prefix + name, version) as f:
        return hash_stream(f)


def _with_recorded_sighting(outcome: ScanOutcome, recorded: Mapping[str, Sighting]) -> ScanOutcome:
    """The outcome with its sighting as it is in the ledger now: a claim compares the two."""
    if isinstance(outcome, InboxProblem):
        return outcome
    return replace(outcome, sighting=recorded.get(outcome.sighting.name, outcome.sighting))


def _find_drops_of_same_programs(inbox: Inbox, outcomes: Iterable[ScanOutcome]) -> set[tuple[str, str]]:
    """All pending drops for the programs of these settled drops."""
    keys = {program_key(o.sighting) for o in outcomes if isinstance(o, SettledDrop)}
    programs = sorted((key[0], key[1]) for key in keys if len(key) == 2)
    with inbox.ledger.read() as conn:
        return {*list_pending_drops_of_programs(conn, programs)}


def _set_predecessors(outcomes: Iterable[ScanOutcome]) -> Iterator[ScanOutcome]:
    """Set in each settled drop which drop for the same program comes before it. Other outcomes stay as they are."""
    last: dict[tuple[str, ...], str] = {}
    for outcome in outcomes:
        if isinstance(outcome, SettledDrop):
            program, name = program_key(outcome.sighting), outcome.sighting.name
            yield SettledDrop(sighting=replace(outcome.sighting, after_drop=last.get(program)))
            last[program] = name
        else:
            yield outcome


def _sort_key(outcome: ScanOutcome) -> tuple[int, float, str]:
    if isinstance(outcome, InboxProblem):
        return 2, 0, outcome.message
    seen = outcome.sighting.manifest_seen or outcome.sighting.first_seen
    return int(not isinstance(outcome, SettledDrop)), seen.timestamp(), outcome.sighting.name
