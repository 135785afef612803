"""Where files are: one small interface over a folder and S3.

Keys are names separated by "/", relative to the store, as `os.fsdecode` gives them: bytes that are no UTF-8 stand in
them as lone surrogates. A key with an empty, "." or ".." segment, or with a NUL, is never touched.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Literal, Protocol

from flows.errors import LaunchdropError

BLOCK_BYTES = 1 << 20

EntryKind = Literal["file", "folder", "link", "other"]


class StoreError(LaunchdropError):
    """The store cannot be reached or does not allow it; one line that names the key and what was answered."""


class ObjectChanged(StoreError):
    """What was pinned is no longer there: deleted, overwritten, or written to while it was read."""


class AlreadyExists(StoreError):
    """A create-only put found the key taken; what is there stays as it is."""


class UnsafeKey(StoreError):
    """The key is not one to open: a link, a device, a folder, or a name that climbs out."""


class AccessDenied(StoreError):
    """We may not look there: whose place it is has to open it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object. `version` changes whenever its bytes are written: size and mtime in a folder, ETag and time in S3."""

    key: str
    size: int
    version: str
    kind: EntryKind = "file"


class Store(Protocol):
    """All methods raise StoreError where the store cannot do it."""

    url: str

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Everything below `prefix` ("" or ending in "/"), page by page. The entries of one folder come together."""
        ...

    def children(self, prefix: str = "") -> Iterator[StoredObject]:
        """What lies directly in `prefix`; folders as entries of kind "folder". A key has no "/" at its end."""
        ...

    def stat(self, key: str) -> StoredObject | None: ...

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        """A stream of the object, seekable; with `version`, of exactly that one. Raises Changed when there is none."""
        ...

    def put(self, key: str, data: bytes | Iterable[bytes], *, create_only: bool = False, durable: bool = True) -> None:
        """Whole or not at all; raises AlreadyThere when `create_only` and there is one.

        Without `durable` a power cut may undo it, until it is placed or synced.
        """
        ...

    def sync(self, keys: Sequence[str]) -> None:
        """Let these survive a power cut, which were put without `durable`; one that is gone since is passed over."""
        ...

    def copy(self, key: str, to: str) -> None: ...

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        """Move everything below `aside` to `final` (both end in "/"), durably; `final` is there once its `last` is.

        False, and `aside` untouched, when another was there first.
        """
        ...

    def delete(self, key: str, version: str | None = None) -> bool:
        """Whether it was deleted: False when it is not there, or not of that version."""
        ...

    def remove_empty_folders(self, prefix: str) -> None:
        """Remove empty folders at and below `prefix`, where the store knows such."""
        ...

    def free_bytes(self) -> int | None:
        """Bytes there is room for; None where nobody can say."""
        ...

    def server_time(self) -> datetime | None:
        """What time it is there; None where this machine's clock is the store's."""
        ...


class FileSink(Protocol):
    """What takes files and need not give them back: a store, or a batch of one."""

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None: ...


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """Files that are put one by one, each there at once, and brought to the disk together."""

    store: Store
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None:
        self.store.put(key, data, durable=False)
        self.keys.append(key)


@contextmanager
def write_batch(store: Store) -> Iterator[WriteBatch]:
    """A batch of files, which survives a power cut from the end of the block on."""
    made = WriteBatch(store)
    try:
        yield made
    finally:
        store.sync(made.keys)


def read_object(store: Store, key: str, limit: int | None = None) -> bytes | None:
    """The object's bytes, cut at `limit`; None when there is none."""
    if store.stat(key) is None:
        return None
    with store.open(key) as f:
        return f.read() if limit is None else f.read(limit)


def iter_blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def check_conditional_writes(store: Store) -> None:
    """That the store can create only, which keeps two processes from writing the same. Raises StoreError."""
    key = f".launchdrop-probe-{uuid.uuid4().hex}"
    try:
        store.put(key, b"1", create_only=True)
        store.put(key, b"2", create_only=True)
    except AlreadyExists:
        return
    finally:
        store.delete(key)
    raise StoreError(f"{store.url}: conditional writes (If-None-Match) are ignored; use a server that honours them")


def is_safe_key(name: str) -> bool:
    """Whether a name separated by "/" stays where it is: relative, no ".", "..", empty segment or NUL."""
    return "\0" not in name and not {"", ".", ".."}.intersection(name.split("/"))


def require_safe_key(key: str) -> str:
    if not is_safe_key(key):
        raise UnsafeKey(f"{key!r}: not a name in this store")
    return key
