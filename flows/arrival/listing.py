"""Lists the inbox, drop by drop. Reads only names, versions and sizes, and does not know the ledger."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice

from flows.stores import AccessDenied, Store, StoredObject, is_safe_key
from schemas.manifest.misplaced_manifest import is_near_manifest_name
from schemas.model.business import BUSINESS_PATTERN
from schemas.model.filenames import is_partial_upload

#: A drop with more objects is not taken, so that one business cannot fill the worker's memory.
MAX_OBJECTS = 100_000
#: Drops of one business that are looked up in the ledger at a time.
DROPS_PER_LOOKUP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxProblem:
    """Something in the inbox that needs the operator. `message` is one line and names no other business.

    `is_own`: the business has caused it, and can correct it itself.
    """

    business: str | None
    message: str
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropListing:
    """Everything in one drop's folder, by its name in the drop."""

    business: str
    name: str
    entries: Mapping[str, StoredObject]


def list_all_drops(
    store: Store, business: str | None, except_businesses: Collection[str] = ()
) -> Iterator[DropListing | InboxProblem]:
    """List all drops, or those of one business. Skips the operator's files and folders (`_…`) and hidden ones.

    Other files next to the folders of the businesses are skipped, too, unless one is a manifest: it can be of anyone.
    """
    for top in store.children():
        if top.key.startswith(("_", ".")) or business not in (None, top.key) or top.key in except_businesses:
            continue
        if top.kind == "file":
            if is_near_manifest_name(top.key):
                message = f"{top.key!a} is directly in the inbox: expected <business>/<drop>/program.yaml"
                yield InboxProblem(business=None, message=message)
        elif top.kind == "folder" and BUSINESS_PATTERN.fullmatch(top.key):
            yield from _catch_denied(top.key, _list_business(store, top.key))
        else:
            expected = f"expected a real folder named {BUSINESS_PATTERN.pattern}"
            yield InboxProblem(
                business=None, message=f"{top.key!a} in the inbox is not the folder of a business: {expected}"
            )


def list_drops(store: Store, drops: Iterable[tuple[str, str]]) -> Iterator[DropListing | InboxProblem]:
    """List these drops (business, drop). Skips names that a drop cannot have."""
    for business, drop in sorted(set(drops)):
        if BUSINESS_PATTERN.fullmatch(business) and _is_printable(drop) and not is_partial_upload(drop):
            yield from _catch_denied(business, _list_one(store, business, drop))


def batch_listings(listings: Iterable[DropListing | InboxProblem]) -> Iterator[list[DropListing] | InboxProblem]:
    """Group up to DROPS_PER_LOOKUP drops of one business, fewer if they have many files. Passes problems through."""
    batch: list[DropListing] = []
    objects = 0
    for listing in listings:
        if isinstance(listing, InboxProblem):
            yield listing
            continue
        is_full = len(batch) == DROPS_PER_LOOKUP or objects > MAX_OBJECTS // 10
        if batch and (is_full or batch[0].business != listing.business):
            yield batch
            batch, objects = [], 0
        if listing.entries:
            batch.append(listing)
            objects += len(listing.entries)
    if batch:
        yield batch


def _list_business(store: Store, business: str) -> Iterator[DropListing | InboxProblem]:
    """The drops of one business. All files next to them are one problem together, which names a manifest if it can."""
    loose_file = ""
    for drop, entries in groupby(store.list(business + "/"), partial(_drop_of, business)):
        if drop is None:
            loose_files = (entry.key for entry in entries if not is_partial_upload(entry.key))
            loose_file = max(filter(None, chain([loose_file], loose_files)), key=_is_manifest, default="")
        elif not is_partial_upload(drop):
            yield _make_listing(business, drop, entries)
    if loose_file:
        message = f"{loose_file!a} is not in the folder of a drop: expected one folder per drop"
        yield InboxProblem(business=business, message=message, is_own=True)


def _is_manifest(key: str) -> bool:
    return is_near_manifest_name(key.rpartition("/")[2])


def _list_one(store: Store, business: str, drop: str) -> Iterator[DropListing | InboxProblem]:
    yield _make_listing(business, drop, store.list(f"{business}/{drop}/"))


def _catch_denied(
    business: str, listings: Iterator[DropListing | InboxProblem]
) -> Iterator[DropListing | InboxProblem]:
    """Report a business's folder that cannot be read as a problem, so that the pass goes on with the others."""
    try:
        yield from listings
    except AccessDenied as e:
        yield InboxProblem(business=business, message=str(e))


def _make_listing(business: str, drop: str, entries: Iterable[StoredObject]) -> DropListing | InboxProblem:
    prefix_length = len(business) + len(drop) + 2
    found = {e.key[prefix_length:]: e for e in islice(entries, MAX_OBJECTS + 1)}
    if not _is_printable(drop):
        message = f"drop {drop!a}: its name has characters that cannot be printed"
        return InboxProblem(business=business, message=message, is_own=True)
    if len(found) > MAX_OBJECTS:
        message = f"drop {drop} has more than {MAX_OBJECTS} files: not taken"
        return InboxProblem(business=business, message=message, is_own=True)
    return DropListing(business=business, name=drop, entries=found)


def _drop_of(business: str, entry: StoredObject) -> str | None:
    drop, slash, _ = entry.key[len(business) + 1 :].partition("/")
    return drop if slash else None


def _is_printable(drop: str) -> bool:
    """Whether a drop's name is safe in paths and texts: no control or direction characters, no broken UTF-8."""
    return is_safe_key(drop) and drop.isprintable() and len(drop.encode()) <= 255
