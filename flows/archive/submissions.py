"""The archive: the files of every submission as they were taken, under `<business>/<submission>/`.

`submission.json` is the index: it says which file is which. A folder without it is not a submission. Files get safe
names, because businesses may use any name that their system allows. A submission that was judged again has an index for
each judgment. All but the first refer to the submission whose folder has the files.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

from flows.arrival.completeness import bytes_to_take, find_link_above, list_links, names_in_manifest, versions_to_take
from flows.ledger.intake.drops import Sighting, TakenVersions
from flows.ledger.intake.leases import DropLease
from flows.stores import ObjectChanged, Store, StoreError, UnsafeKey, hash_stream, iter_blocks, read_object
from schemas.model.drop import Drop, DropFile, explain_refused_kind
from schemas.model.filenames import is_partial_upload
from schemas.model.ids import SubmissionDigest, make_submission_id

INDEX_NAME = "submission.json"
FORMAT = 1
#: Bytes that must stay free on the archive's disk in addition to the drop, for reports and the ledger.
RESERVED_BYTES = 64 << 20

#: Where copies are made, below the business's folder. They are then moved to their submission's folder.
_STAGING = ".aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedDrop:
    """A drop in the archive. `received_at` is its first sighting, as in the submission's id."""

    submission: str
    digest: str
    received_at: datetime
    drop: Drop
    taken: TakenVersions


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile:
    """One file: its name in the drop, and the safe name that it has in the archive. The index has these fields."""

    name: str
    bytes: int
    sha256: str
    kept_as: str


def has_space_for(archive: Store, sighting: Sighting) -> bool:
    """Whether the archive's disk has enough space for the drop. Check this before claiming the drop."""
    free = archive.free_bytes()
    return free is None or free >= bytes_to_take(sighting) + RESERVED_BYTES


def archive_drop(inbox: Store, archive: Store, sighting: Sighting, *, token: int, attempt: str = "") -> ArchivedDrop:
    """Copy exactly the versions that have settled, hash them on the way, and move the copy into place as a whole.

    Each lease `token`, and each `attempt` of a worker under it, has its own staging folder, so that a slow previous
    owner cannot write into its successor's copy. Archiving a drop again, after a crash, gives the same submission.
    Raises ObjectChanged if the inbox has changed since the sighting.
    """
    taken = versions_to_take(sighting)
    staging = _make_staging(archive, sighting, token, attempt)
    digest = SubmissionDigest()
    manifests, files, refused = _copy_files(inbox, archive, sighting, taken, staging, digest)
    _require_unchanged(inbox, sighting, [*manifests, *files])
    index = _make_index(sighting, digest.hexdigest(), manifests, files, refused, taken)
    archive.put(staging + INDEX_NAME, index, durable=False)
    received_at = _move_into_place(archive, sighting, staging, index, digest.hexdigest())
    submission = make_submission_id(received_at, digest.hexdigest())
    drop = _open_drop(archive, sighting.business, submission, json.loads(index))
    return ArchivedDrop(
        submission=submission, digest=digest.hexdigest(), received_at=received_at, drop=drop, taken=taken
    )


def open_archived_drop(archive: Store, business: str, submission: str) -> Drop:
    """A submission's drop. Raises StoreError if it is not in the archive."""
    return _open_drop(archive, business, submission, _read_index(archive, business, submission))


def open_under_new_id(archive: Store, business: str, submission: str, *, new_id: str) -> Drop:
    """Give an archived drop a second submission id, without copying its files. Raises StoreError."""
    index = {"bytes_of": submission} | _read_index(archive, business, submission)
    archive.put(f"{business}/{new_id}/{INDEX_NAME}", _dump_index(index))
    return _open_drop(archive, business, new_id, index)


def is_intact(drop: Drop) -> bool:
    """Whether the archived files still have the hashes that were computed when they were copied."""
    files = (*drop.manifests, *(f for f in drop.files.values() if f.sha256))
    return all(_hash_file(f.open) == f.sha256 for f in files)


def delete_submission(archive: Store, business: str, submission: str) -> None:
    """Delete a submission's folder, the index first."""
    archive.delete(f"{business}/{submission}/{INDEX_NAME}")
    delete_prefix(archive, f"{business}/{submission}/")


def delete_taken_files(inbox: Store, business: str, name: str, taken: TakenVersions) -> None:
    """Delete exactly the taken versions from the inbox. Newer versions and files that no manifest names stay."""
    for file, version in {**taken.files, **taken.manifests}.items():
        if version:
            inbox.delete(f"{business}/{name}/{file}", version)
    inbox.remove_empty_folders(f"{business}/{name}/")


def delete_abandoned_copies(archive: Store, business: str, leases: Iterable[DropLease]) -> None:
    """Delete the unfinished copies that were made under these leases of one business. The leases must have ended."""
    ended = {_staging_name(lease.name, lease.token) for lease in leases}
    for folder in archive.children(f"{business}/{_STAGING}/"):
        if folder.key.rpartition("/")[2].partition(".")[0] in ended:
            delete_prefix(archive, folder.key + "/")


def delete_prefix(store: Store, prefix: str) -> None:
    """Delete everything below a prefix."""
    for entry in list(store.list(prefix)):
        store.delete(entry.key)
    store.remove_empty_folders(prefix)


def _make_staging(archive: Store, sighting: Sighting, token: int, attempt: str) -> str:
    """The prefix that this attempt copies to. Deletes what earlier leases of the drop have left unfinished."""
    current = _staging_name(sighting.name, token)
    for folder in archive.children(f"{sighting.business}/{_STAGING}/"):
        name = folder.key.rpartition("/")[2]
        if name.startswith(_staging_name(sighting.name)) and not (attempt and name.startswith(current + ".")):
            delete_prefix(archive, folder.key + "/")
    return f"{sighting.business}/{_STAGING}/{current}{'.' if attempt else ''}{attempt}/"


def _staging_name(drop: str, token: int | str = "") -> str:
    return f"{hashlib.blake2b(drop.encode(), digest_size=12).hexdigest()}-{token}"


def _copy_files(
    inbox: Store,
    archive: Store,
    sighting: Sighting,
    taken: TakenVersions,
    staging: str,
    digest: SubmissionDigest,
) -> tuple[list[ArchivedFile], list[ArchivedFile], dict[str, str]]:
    """Copy the manifests and the named files. Returns both, and the names that were refused, with the reason."""
    seen = sighting.pending.seen if sighting.pending else {}
    copy = partial(_copy_file, inbox, archive, f"{sighting.business}/{sighting.name}/", staging)
    listed_as, links = names_in_manifest(sighting), list_links(seen)
    manifests, files, refused = [], [], {}
    for name, version in sorted(taken.manifests.items()):
        manifests.append(copy(name, version, name, partial(digest.add_manifest, length=seen[name].size)))
    for number, (name, version) in enumerate(taken.files.items(), 1):
        if version and seen[name].kind != "file":
            refused[name] = explain_refused_kind(seen[name].kind)
        elif version:
            files.append(copy(name, version, f"{number:04d}-{_safe_name(name)}", iter))
            digest.add_file(listed_as[name], files[-1].sha256)
        elif link := find_link_above(name, links):
            refused[link] = explain_refused_kind(seen[link].kind)
    return manifests, files, refused


def _copy_file(
    inbox: Store,
    archive: Store,
    prefix: str,
    staging: str,
    name: str,
    version: str,
    kept_as: str,
    through: Callable[[Iterable[bytes]], Iterator[bytes]],
) -> ArchivedFile:
    counter = _HashingCounter()
    try:
        with inbox.open(prefix + name, version) as f:
            archive.put(staging + kept_as, through(counter.count(iter_blocks(f))), durable=False)
    except UnsafeKey as e:
        raise ObjectChanged(f"{name!r} was a file when the inbox was scanned: {e}") from None
    return ArchivedFile(name=name, bytes=counter.bytes, sha256=counter.sha256.hexdigest(), kept_as=kept_as)


class _HashingCounter:
    """Counts and hashes the bytes that pass through."""

    def __init__(self) -> None:
        self.bytes, self.sha256 = 0, hashlib.sha256()

    def count(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.bytes += len(block)
            self.sha256.update(block)
            yield block


def _require_unchanged(inbox: Store, sighting: Sighting, copied: list[ArchivedFile]) -> None:
    """Raise ObjectChanged if a file was overwritten or deleted while it was copied, or was not copied completely."""
    seen = sighting.pending.seen if sighting.pending else {}
    for file in copied:
        now = inbox.stat(f"{sighting.business}/{sighting.name}/{file.name}")
        if now is None or now.version != seen[file.name].version or file.bytes != seen[file.name].size:
            raise ObjectChanged(f"{file.name!r} was overwritten or deleted while it was copied")


def _make_index(
    sighting: Sighting,
    digest: str,
    manifests: list[ArchivedFile],
    files: list[ArchivedFile],
    refused: dict[str, str],
    taken: TakenVersions,
) -> bytes:
    """The index as JSON. The same drop gives the same bytes, by which a repeated copy recognizes the first one."""
    seen = sighting.pending.seen if sighting.pending else {}
    index = {
        "archive": FORMAT,
        "business": sighting.business,
        "drop": sighting.name,
        "first_seen": sighting.first_seen.astimezone(UTC).isoformat(),
        "digest": digest,
        "manifests": [asdict(file) for file in manifests],
        "files": [asdict(file) for file in files],
        "refused": refused,
        "not_named": {n: seen[n].size for n in sorted(taken.rest) if not is_partial_upload(n) and n not in refused},
    }
    return _dump_index(index)


def _dump_index(index: Mapping[str, Any]) -> bytes:
    return json.dumps(index, indent=1).encode() + b"\n"


def _read_index(archive: Store, business: str, submission: str) -> dict[str, Any]:
    content = read_object(archive, f"{business}/{submission}/{INDEX_NAME}")
    if content is None:
        raise StoreError(f"submission {submission} of {business} is not in the archive")
    index: dict[str, Any] = json.loads(content)
    return index


def _move_into_place(archive: Store, sighting: Sighting, staging: str, index: bytes, digest: str) -> datetime:
    """Move the copy to its submission's folder, and return the time in the submission's id.

    If another drop with the same content was first seen in the same second, this one's time is a second later.
    """
    received_at = sighting.first_seen
    while True:
        final = f"{sighting.business}/{make_submission_id(received_at, digest)}/"
        if archive.move_into_place(staging, final, last=INDEX_NAME):
            return received_at
        # The same drop may be there already, from a process that died after this step or was faster.
        if read_object(archive, final + INDEX_NAME) == index:
            delete_prefix(archive, staging)
            return received_at
        received_at += timedelta(seconds=1)


def _open_drop(archive: Store, business: str, submission: str, index: Mapping[str, Any]) -> Drop:
    if index["archive"] != FORMAT:
        where = f"{business}/{submission}/{INDEX_NAME}"
        raise StoreError(f"{where} has archive format {index['archive']}, expected {FORMAT}")
    prefix = f"{business}/{index.get('bytes_of', submission)}/"
    files = {entry["name"]: _open_file(archive, prefix, entry) for entry in index["files"]}
    not_named = {
        name: DropFile(name=name, bytes=size, sha256="", open=partial(_fail_to_open, name))
        for name, size in index["not_named"].items()
    }
    return Drop(
        business=index["business"],
        name=index["drop"],
        manifests=tuple(_open_file(archive, prefix, entry) for entry in index["manifests"]),
        files={**files, **not_named},
        refused=index["refused"],
    )


def _open_file(archive: Store, prefix: str, entry: Mapping[str, Any]) -> DropFile:
    opener = partial(archive.open, prefix + entry["kept_as"])
    return DropFile(name=entry["name"], bytes=entry["bytes"], sha256=entry["sha256"], open=opener)


def _fail_to_open(name: str) -> BinaryIO:
    raise StoreError(f"{name!r} is not in the archive, because the manifest does not name it")


def _hash_file(opener: Callable[[], BinaryIO]) -> str:
    with opener() as f:
        return hash_stream(f)


def _safe_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name.rpartition("/")[2])[-80:]
