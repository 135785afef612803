"""The archive: the bytes of every submission as taken, under `<business>/<submission>/`, and found again from there.

`submission.json` says which file was which; a folder without it is no submission. The other names are made safe, as a
business may call its files whatever its system allows. A submission that was judged again has a `submission.json` for
each judging; all but the first say under which id the bytes are.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

from flows.arrival.completeness import link_above, size_of, take
from flows.ledger.intake.drops import Seen, Sighting, Taken
from flows.ledger.intake.leases import Lease
from flows.stores import Changed, Refused, Store, StoreError, blocks, read
from schemas.model.drop import Drop, DropFile
from schemas.model.filenames import under_way
from schemas.model.ids import Digest, submission_id

INDEX = "submission.json"
FORMAT = 1
#: Room that must stay free on the archive's disk beyond the drop itself, for reports and ledger.
SPARE = 64 << 20

_WHY_REFUSED = {"link": "a link", "folder": "a folder"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A drop in the archive. `received_at` is its first sighting, as in the submission's id."""

    submission: str
    digest: str
    received_at: datetime
    drop: Drop
    taken: Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file in the archive: its name in the drop, and the safe name it is kept as."""

    name: str
    bytes: int
    sha256: str
    kept_as: str


def has_room(archive: Store, sighting: Sighting) -> bool:
    """Whether the archive's disk has room for what is to be taken; to be asked before a claim."""
    free = archive.free()
    return free is None or free >= size_of(sighting) + SPARE


def archive_drop(inbox: Store, archive: Store, sighting: Sighting, *, token: int, attempt: str = "") -> Archived:
    """Copy exactly the versions that were settled, hashing them, and put the copy in place as a whole.

    `token` is the lease's: an owner that woke up late writes beside, never into, what its successor writes; and so does
    each `attempt` of an owner that has others copy for it. Raises Changed when the inbox is no longer as it was looked
    at. Doing it again after a crash gives the same submission.
    """
    taken = take(sighting)
    aside = _aside(archive, sighting, token, attempt)
    digest = Digest()
    manifests, files, refused = _copy_all(inbox, archive, sighting, taken, aside, digest)
    _unchanged(inbox, sighting, [*manifests, *files])
    index = _index(sighting, digest.hexdigest(), manifests, files, refused, taken)
    archive.put(aside + INDEX, index, durable=False)
    received_at = _place(archive, sighting.business, aside, index, sighting.first_seen, digest.hexdigest())
    submission = submission_id(received_at, digest.hexdigest())
    drop = _drop(archive, sighting.business, submission, json.loads(index))
    return Archived(submission=submission, digest=digest.hexdigest(), received_at=received_at, drop=drop, taken=taken)


def open_drop(archive: Store, business: str, submission: str) -> Drop:
    """A submission's drop, from the archive alone. Raises StoreError when it is not there."""
    return _drop(archive, business, submission, _read_index(archive, business, submission))


def open_again(archive: Store, business: str, submission: str, *, as_: str) -> Drop:
    """A submission's drop, to be found under another id too: the bytes are there once. Raises StoreError."""
    index = _read_index(archive, business, submission)
    again = {"bytes_of": submission} | index
    archive.put(f"{business}/{as_}/{INDEX}", _dumped(again))
    return _drop(archive, business, as_, again)


def verified(drop: Drop) -> bool:
    """Whether the archive gives back now what was hashed while it was copied."""
    files = (*drop.manifests, *(f for f in drop.files.values() if f.sha256))
    return all(_sha256(f.open) == f.sha256 for f in files)


def discard(archive: Store, business: str, submission: str) -> None:
    """Take a copy out of the archive again: of what is there already under another id. The index goes first."""
    archive.delete(f"{business}/{submission}/{INDEX}")
    clear(archive, f"{business}/{submission}/")


def empty(inbox: Store, business: str, name: str, taken: Taken) -> None:
    """Delete exactly the taken versions from the inbox; what is newer, or was not named, stays."""
    for file, version in {**taken.files, **taken.manifests}.items():
        if version:
            inbox.delete(f"{business}/{name}/{file}", version)
    inbox.prune(f"{business}/{name}/")


def clear_attempts(archive: Store, business: str, leases: Iterable[Lease]) -> None:
    """Clear away what attempts under these leases of one business, all over now, left half done."""
    over = {_mark(lease.name, lease.token) for lease in leases}
    for left in archive.children(f"{business}/.aside/"):
        if left.key.rpartition("/")[2].partition(".")[0] in over:
            clear(archive, left.key + "/")


def _aside(archive: Store, sighting: Sighting, token: int, attempt: str) -> str:
    """A place of this attempt's own to write in; what earlier leases of the drop left half done is cleared away."""
    mine = _mark(sighting.name, token)
    for left in archive.children(f"{sighting.business}/.aside/"):
        name = left.key.rpartition("/")[2]
        if name.startswith(_mark(sighting.name)) and not (attempt and name.startswith(mine + ".")):
            clear(archive, left.key + "/")
    return f"{sighting.business}/.aside/{mine}{'.' if attempt else ''}{attempt}/"


def _mark(drop: str, token: int | str = "") -> str:
    return f"{hashlib.blake2b(drop.encode(), digest_size=12).hexdigest()}-{token}"


def clear(store: Store, prefix: str) -> None:
    """Delete everything below a prefix."""
    for entry in list(store.list(prefix)):
        store.delete(entry.key)
    store.prune(prefix)


def _copy_all(
    inbox: Store, archive: Store, sighting: Sighting, taken: Taken, aside: str, digest: Digest
) -> tuple[list[Kept], list[Kept], dict[str, str]]:
    seen = sighting.pending.seen if sighting.pending else {}
    copy = partial(_copy, inbox, archive, f"{sighting.business}/{sighting.name}/", aside)
    manifests, files, refused = [], [], {}
    for name, version in sorted(taken.manifests.items()):
        manifests.append(copy(name, version, name, partial(digest.manifest, length=seen[name].size)))
    for number, (name, version) in enumerate(taken.files.items(), 1):
        if version and seen[name].kind != "file":
            refused[name] = _why_refused(seen[name])
        elif version:
            files.append(copy(name, version, f"{number:04d}-{_slug(name)}", iter))
            digest.file(name, files[-1].sha256)
        elif link := link_above(name, seen):
            refused[link] = _why_refused(seen[link])
    return manifests, files, refused


def _why_refused(seen: Seen) -> str:
    return f"{_WHY_REFUSED.get(seen.kind, 'not a file')}, not a file of the drop"


def _copy(
    inbox: Store,
    archive: Store,
    prefix: str,
    aside: str,
    name: str,
    version: str,
    kept_as: str,
    through: Callable[[Iterable[bytes]], Iterator[bytes]],
) -> Kept:
    meter = _Meter()
    try:
        with inbox.open(prefix + name, version) as f:
            archive.put(aside + kept_as, through(meter.over(blocks(f))), durable=False)
    except Refused as e:
        raise Changed(f"{name!r} was a file when it was looked at: {e}") from None
    return Kept(name=name, bytes=meter.bytes, sha256=meter.sha256.hexdigest(), kept_as=kept_as)


class _Meter:
    def __init__(self) -> None:
        self.bytes, self.sha256 = 0, hashlib.sha256()

    def over(self, content: Iterable[bytes]) -> Iterator[bytes]:
        for block in content:
            self.bytes += len(block)
            self.sha256.update(block)
            yield block


def _unchanged(inbox: Store, sighting: Sighting, kept: list[Kept]) -> None:
    """That nothing copied was overwritten or taken away meanwhile, and that every copy is whole."""
    seen = sighting.pending.seen if sighting.pending else {}
    for file in kept:
        now = inbox.stat(f"{sighting.business}/{sighting.name}/{file.name}")
        if now is None or now.version != seen[file.name].version or file.bytes != seen[file.name].size:
            raise Changed(f"{file.name!r} was overwritten or taken away while it was copied")


def _index(
    sighting: Sighting, digest: str, manifests: list[Kept], files: list[Kept], refused: dict[str, str], taken: Taken
) -> bytes:
    """The same drop gives the same bytes: that is how a repeated copy knows its own."""
    seen = sighting.pending.seen if sighting.pending else {}
    index = {
        "archive": FORMAT,
        "business": sighting.business,
        "drop": sighting.name,
        "first_seen": sighting.first_seen.astimezone(UTC).isoformat(),
        "digest": digest,
        "manifests": [asdict(k) for k in manifests],
        "files": [asdict(k) for k in files],
        "refused": refused,
        "not_named": {n: seen[n].size for n in sorted(taken.rest) if not under_way(n) and n not in refused},
    }
    return _dumped(index)


def _dumped(index: Mapping[str, Any]) -> bytes:
    return json.dumps(index, indent=1).encode() + b"\n"


def _read_index(archive: Store, business: str, submission: str) -> dict[str, Any]:
    content = read(archive, f"{business}/{submission}/{INDEX}")
    if content is None:
        raise StoreError(f"submission {submission} of {business} is not in the archive")
    index: dict[str, Any] = json.loads(content)
    return index


def _place(archive: Store, business: str, aside: str, index: bytes, first_seen: datetime, digest: str) -> datetime:
    """Put the copy in place under an id of its own: two drops of one second and content are a second apart."""
    while True:
        final = f"{business}/{submission_id(first_seen, digest)}/"
        if archive.place(aside, final, last=INDEX):
            return first_seen
        if read(archive, final + INDEX) == index:  # of a process that got this far and died, or was faster
            clear(archive, aside)
            return first_seen
        first_seen += timedelta(seconds=1)


def _drop(archive: Store, business: str, submission: str, index: Mapping[str, Any]) -> Drop:
    if index["archive"] != FORMAT:
        where = f"{business}/{submission}/{INDEX}"
        raise StoreError(f"{where} is of archive format {index['archive']}, expected {FORMAT}")
    prefix = f"{business}/{index.get('bytes_of', submission)}/"
    files = {kept["name"]: _file(archive, prefix, kept) for kept in index["files"]}
    rest = {
        n: DropFile(name=n, bytes=size, sha256="", open=partial(_not_kept, n)) for n, size in index["not_named"].items()
    }
    return Drop(
        business=index["business"],
        name=index["drop"],
        manifests=tuple(_file(archive, prefix, kept) for kept in index["manifests"]),
        files={**files, **rest},
        refused=index["refused"],
    )


def _file(archive: Store, prefix: str, kept: Mapping[str, Any]) -> DropFile:
    opener = partial(archive.open, prefix + kept["kept_as"])
    return DropFile(name=kept["name"], bytes=kept["bytes"], sha256=kept["sha256"], open=opener)


def _not_kept(name: str) -> BinaryIO:
    raise StoreError(f"{name!r} was not named in the manifest and is not in the archive")


def _sha256(opened: Callable[[], BinaryIO]) -> str:
    digest = hashlib.sha256()
    with opened() as f:
        for block in blocks(f):
            digest.update(block)
    return digest.hexdigest()


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name.rpartition("/")[2])[-80:]
