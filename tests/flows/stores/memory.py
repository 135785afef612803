"""An in-memory store for tests: a dictionary with increasing version numbers."""

import io
import itertools
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from flows.stores import AlreadyExists, ObjectChanged, StoredObject, require_safe_key


class MemoryStore:
    def __init__(self) -> None:
        self.url = "memory"
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.free: int | None = None
        self._clock = itertools.count(1)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield self._entry(key)

    def children(self, prefix: str = "") -> Iterator[StoredObject]:
        folders: set[str] = set()
        for entry in self.list(prefix):
            name, slash, _ = entry.key.removeprefix(prefix).partition("/")
            if not slash:
                yield entry
            elif name not in folders:
                folders.add(name)
                yield StoredObject(prefix + name, 0, "", "folder")

    def stat(self, key: str) -> StoredObject | None:
        return self._entry(key) if require_safe_key(key) in self.objects else None

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        data, current = self.objects.get(require_safe_key(key), (b"", ""))
        if not current or version not in (None, current):
            raise ObjectChanged(f"{key!r} does not exist or was overwritten")
        return io.BytesIO(data)

    def put(self, key: str, data: bytes | Iterable[bytes], *, create_only: bool = False, durable: bool = True) -> None:
        data = data if isinstance(data, bytes) else b"".join(data)
        if create_only and key in self.objects:
            raise AlreadyExists(f"{key!r} already exists")
        self.objects[require_safe_key(key)] = data, f"v{next(self._clock)}"

    def sync(self, keys):
        """Nothing to do in memory."""

    def copy(self, key: str, to: str) -> None:
        self.put(to, self.open(key).read())

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        if final + last in self.objects:
            return False
        for key in [e.key for e in self.list(staging)]:
            self.objects[final + key.removeprefix(staging)] = self.objects.pop(key)
        return True

    def delete(self, key: str, version: str | None = None) -> bool:
        if require_safe_key(key) not in self.objects or version not in (None, self.objects[key][1]):
            return False
        del self.objects[key]
        return True

    def remove_empty_folders(self, prefix: str) -> None:
        pass

    def free_bytes(self) -> int | None:
        return self.free

    def _entry(self, key: str) -> StoredObject:
        data, version = self.objects[key]
        return StoredObject(key, len(data), version)

    def server_time(self) -> None:
        return None
