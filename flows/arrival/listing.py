"""What lies in the inbox, drop by drop. Names only: nothing is read, and nothing of it is known here."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice

from flows.stores import AccessDenied, Store, StoredObject, is_safe_key
from schemas.model.filenames import under_way

BUSINESS = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
EXPECTED = f"expected a real folder named {BUSINESS.pattern}"

#: A drop with more objects than this is not looked into: one tenant's listing must not take the worker down.
MAX_OBJECTS = 100_000
#: Drops of one business that are compared with the ledger in one query.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in the inbox that needs the operator; `what` says it in one line, without naming another business."""

    business: str | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """All that lies in one drop's folder, by its name there."""

    business: str
    name: str
    entries: Mapping[str, StoredObject]


def everything(store: Store, business: str | None) -> Iterator[Lying | Problem]:
    """All drops, or those of one business; the operator's own (`_…`) are passed over."""
    for top in store.children():
        if top.kind == "file" or top.key.startswith(("_", ".")) or business not in (None, top.key):
            continue
        if top.kind == "folder" and BUSINESS.fullmatch(top.key):
            yield from _apart(top.key, _drops(store, top.key))
        else:
            yield Problem(business=None, what=f"{top.key!a} in the inbox is not a business's folder: {EXPECTED}")


def _drops(store: Store, business: str) -> Iterator[Lying | Problem]:
    """The drops of one business; what lies beside them, or under a name no path can carry, is one problem each."""
    loose = ""
    for drop, entries in groupby(store.list(business + "/"), partial(_drop_of, business)):
        if drop is None:
            loose = loose or next((e.key for e in entries if not under_way(e.key)), "")
        elif not under_way(drop):
            yield _lying(business, drop, entries)
    if loose:
        yield Problem(business=business, what=f"{loose!a} lies beside the drops: expected one folder a drop")


def some(store: Store, drops: Iterable[tuple[str, str]]) -> Iterator[Lying | Problem]:
    """These (business, drop) alone; a name that can be no drop's gives nothing."""
    for business, drop in sorted(set(drops)):
        if BUSINESS.fullmatch(business) and _printable(drop) and not under_way(drop):
            yield from _apart(business, _one(store, business, drop))


def _one(store: Store, business: str, drop: str) -> Iterator[Lying | Problem]:
    yield _lying(business, drop, store.list(f"{business}/{drop}/"))


def _apart(business: str, found: Iterator[Lying | Problem]) -> Iterator[Lying | Problem]:
    """What is found in one business's inbox; that it closed it to us must not end the pass for all."""
    try:
        yield from found
    except AccessDenied as e:
        yield Problem(business=business, what=str(e))


def _lying(business: str, drop: str, entries: Iterable[StoredObject]) -> Lying | Problem:
    skip = len(business) + len(drop) + 2
    found = {e.key[skip:]: e for e in islice(entries, MAX_OBJECTS + 1)}
    if not _printable(drop):
        return Problem(business=business, what=f"drop {drop!a}: a name with characters that cannot be shown")
    if len(found) > MAX_OBJECTS:
        return Problem(business=business, what=f"drop {drop} holds more than {MAX_OBJECTS} files and is not taken")
    return Lying(business=business, name=drop, entries=found)


def _drop_of(business: str, entry: StoredObject) -> str | None:
    drop, slash, _ = entry.key[len(business) + 1 :].partition("/")
    return drop if slash else None


def _printable(drop: str) -> bool:
    """Whether a drop's name can be a path and a text anywhere: no control or direction marks, no broken UTF-8."""
    return is_safe_key(drop) and drop.isprintable() and len(drop.encode()) <= 255


def batches(lying: Iterable[Lying | Problem]) -> Iterator[list[Lying] | Problem]:
    """Up to BATCH drops of one business together, fewer where they hold many files; problems as they come."""
    batch: list[Lying] = []
    weight = 0
    for item in lying:
        if isinstance(item, Problem):
            yield item
            continue
        if batch and (batch[0].business != item.business or len(batch) == BATCH or weight > MAX_OBJECTS // 10):
            yield batch
            batch, weight = [], 0
        if item.entries:
            batch.append(item)
            weight += len(item.entries)
    if batch:
        yield batch
