"""Where files are kept: one small interface over folders and S3.

Keys are names separated by "/", relative to the store, as `os.fsdecode` gives them: bytes that are not UTF-8 become
lone surrogates. A key with an empty, "." or ".." segment, or with a NUL, is never opened.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Literal, Protocol, cast

from flows.errors import LaunchdropError

BLOCK_BYTES = 1 << 20

EntryKind = Literal["file", "folder", "link", "other"]


class StoreError(LaunchdropError):
    """The store cannot be reached or refuses a request. The message is one line with the key and the store's answer."""


class ObjectChanged(StoreError):
    """The requested version no longer exists: the object was deleted, overwritten, or written to while being read."""


class AlreadyExists(StoreError):
    """A create-only put found an object under its key and left it unchanged."""


class UnsafeKey(StoreError):
    """The key must not be opened: it names a link, a device or a folder, or leads out of the store."""


class AccessDenied(StoreError):
    """No permission to read this. Its owner has to grant it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object. `version` changes with each write: size and mtime in a folder, ETag and time in S3."""

    key: str
    size: int
    version: str
    kind: EntryKind = "file"


class Store(Protocol):
    """A place for files. All methods raise StoreError if the store cannot do what is asked."""

    url: str

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Everything below `prefix` ("" or ending in "/"), page by page. The entries of one folder come together."""
        ...

    def children(self, prefix: str = "") -> Iterator[StoredObject]:
        """The direct entries of `prefix`. Folders have kind "folder", and their keys do not end in "/"."""
        ...

    def stat(self, key: str) -> StoredObject | None:
        """The object's size and version; None if there is no such object."""
        ...

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        """A seekable stream of the object, of exactly `version` if given. Raises ObjectChanged if there is none."""
        ...

    def put(self, key: str, data: bytes | Iterable[bytes], *, create_only: bool = False, durable: bool = True) -> None:
        """Write an object whole or not at all. With `create_only`, raises AlreadyExists if the key is taken.

        Without `durable`, a power failure may undo the write until the object is synced or moved into place.
        """
        ...

    def sync(self, keys: Sequence[str]) -> None:
        """Make objects durable that were put without `durable`. Missing ones are skipped."""
        ...

    def copy(self, key: str, to: str) -> None: ...

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        """Durably move everything below `staging` to `final`, the object named `last` at the end.

        Both prefixes end in "/". Readers may rely on `final` once its `last` exists. Returns False and leaves `staging`
        unchanged if `final` exists already.
        """
        ...

    def delete(self, key: str, version: str | None = None) -> bool:
        """Delete an object. False if it does not exist or is not `version`."""
        ...

    def remove_empty_folders(self, prefix: str) -> None:
        """Remove empty folders at and below `prefix`, in stores that have folders."""
        ...

    def free_bytes(self) -> int | None:
        """Free space in bytes; None if unknown."""
        ...

    def server_time(self) -> datetime | None:
        """The current time of the store's server; None if the store uses this machine's clock."""
        ...


class FileSink(Protocol):
    """Anything that files can be written to: a store, or a batch of writes to one."""

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None: ...
    def delete(self, key: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """Files that can be read as soon as each is put, and are made durable together."""

    store: Store
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None:
        self.store.put(key, data, durable=False)
        self.keys.append(key)

    def delete(self, key: str) -> bool:
        return self.store.delete(key)


@contextmanager
def write_batch(store: Store) -> Iterator[WriteBatch]:
    """A batch of files that survives a power failure once the block has ended."""
    batch = WriteBatch(store)
    try:
        yield batch
    finally:
        store.sync(batch.keys)


def read_object(store: Store, key: str, limit: int | None = None) -> bytes | None:
    """The object's bytes, cut off at `limit`; None if there is no such object."""
    if store.stat(key) is None:
        return None
    with store.open(key) as f:
        return f.read() if limit is None else f.read(limit)


def iter_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The rest of the stream in blocks of BLOCK_BYTES."""
    while block := stream.read(BLOCK_BYTES):
        yield block


def hash_stream(stream: BinaryIO) -> str:
    """The sha256 of the rest of the stream, in hex."""
    # The streams of all stores have `readinto`, which the type BinaryIO lacks.
    return hashlib.file_digest(cast(Any, stream), "sha256").hexdigest()


def check_conditional_writes(store: Store) -> None:
    """Raise StoreError unless the store can create only, which keeps two processes from writing the same object."""
    key = f".launchdrop-probe-{uuid.uuid4().hex}"
    try:
        store.put(key, b"1", create_only=True)
        store.put(key, b"2", create_only=True)
    except AlreadyExists:
        return
    finally:
        store.delete(key)
    raise StoreError(f"{store.url}: conditional writes (If-None-Match) are ignored; use a server that supports them")


def is_safe_key(key: str) -> bool:
    """Whether a key stays inside its store: relative, without ".", "..", an empty segment or a NUL."""
    return "\0" not in key and not {"", ".", ".."}.intersection(key.split("/"))


def require_safe_key(key: str) -> str:
    """The key itself. Raises UnsafeKey if it is not safe."""
    if not is_safe_key(key):
        raise UnsafeKey(f"{key!r}: not a name in this store")
    return key
