"""The quota: how much one business may have in the archive and the reports together.

Above it, submissions are held for the operator. Above twice as much, drops are not even copied: they wait in the inbox.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flows.arrival.completeness import SettledDrop, bytes_to_take
from flows.arrival.listing import InboxProblem
from flows.arrival.scan import ScanOutcome
from flows.ledger.intake.usage import read_used_bytes, set_used_bytes
from flows.services import Services
from schemas.model.drop import Drop
from schemas.model.judgment import Judgment

#: How many quotas a business may use before its drops wait in the inbox.
_MOST_QUOTAS = 2


def count_used_bytes(services: Services, business: str) -> int:
    """What a business uses. The first time in a ledger of an older release, it is counted in the stores."""
    with services.ledger.read() as conn:
        counted = read_used_bytes(conn, business)
    return recount_used_bytes(services, business) if counted is None else counted


def recount_used_bytes(services: Services, business: str) -> int:
    """Count what is in the stores, and record it: what was counted before is an estimate, and files may be deleted."""
    size = sum(entry.size for store in (services.archive, services.reports) for entry in store.list(f"{business}/"))
    with services.ledger.begin() as conn:
        set_used_bytes(conn, business, size)
    return size


def hold_above_quota(services: Services, drop: Drop, judgment: Judgment) -> Judgment:
    """The same judgment, held if the drop brings its business above the quota.

    One that is rejected stays so, and a cancellation is never held up.
    """
    cancels = judgment.manifest is not None and judgment.manifest.state == "cancelled"
    if judgment.verdict == "rejected" or cancels or drop.business is None:
        return judgment
    used = count_used_bytes(services, drop.business) + archived_bytes(drop)
    if used <= services.settings.quota:
        return judgment
    reason = f"the files of this business take {format_bytes(used)}, more than its quota of {_quota(services)}"
    return replace(judgment, verdict="held", held_because=(*judgment.held_because, reason))


def archived_bytes(drop: Drop) -> int:
    """The bytes of a drop that the archive has: its manifests and the files that they name."""
    return sum(file.bytes for file in (*drop.manifests, *drop.files.values()) if file.sha256)


def hold_back_drops(services: Services, found: Sequence[ScanOutcome]) -> Iterator[ScanOutcome]:
    """What a scan found, with one problem instead of the settled drops for which a business has no room.

    Once a drop of a business does not fit, its later ones wait too, so that their order stays.
    """
    used: dict[str, int] = {}
    full: set[str] = set()
    for outcome in found:
        if not isinstance(outcome, SettledDrop):
            yield outcome
            continue
        business = outcome.sighting.business
        if business not in used:
            used[business] = count_used_bytes(services, business)
        size = bytes_to_take(outcome.sighting)
        if business not in full and used[business] + size <= _MOST_QUOTAS * services.settings.quota:
            used[business] += size
            yield outcome
        elif business not in full:
            full.add(business)
            yield InboxProblem(business=business, message=_explain_full(services, used[business], size), is_own=True)


def format_bytes(size: int) -> str:
    """A size for people: 20 GB, 1.5 MB, 512 bytes."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size:,} bytes"


def _quota(services: Services) -> str:
    return format_bytes(services.settings.quota)


def _explain_full(services: Services, used: int, size: int) -> str:
    return (
        f"its drops wait: its files take {format_bytes(used)}, the next drop has {format_bytes(size)}, "
        f"and its quota is {_quota(services)}"
    )
