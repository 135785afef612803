"""A folder as a store. Each step down is taken by descriptor and follows no link, so none can be swapped in."""

import errno
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from flows.stores import (
    AccessDenied,
    AlreadyExists,
    EntryKind,
    ObjectChanged,
    StoredObject,
    StoreError,
    UnsafeKey,
    iter_blocks,
    require_safe_key,
)

#: Folders deeper than this below the store are listed as one entry of kind "other" and not entered.
MAX_DEPTH = 16
#: More files than these are brought to the disk with everything else that waits for it, in one go.
MAX_SEPARATE_SYNCS = 32

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe must not wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderStore:
    """`root` itself may be a link, as the operator chose it; nothing below it is followed."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()
        self.url = str(self.root)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        with suppress(ObjectChanged), self._folder(prefix.rstrip("/")) as fd:
            yield from _walk(fd, prefix, prefix.count("/"))

    def children(self, prefix: str = "") -> Iterator[StoredObject]:
        with suppress(ObjectChanged), self._folder(prefix.rstrip("/")) as fd:
            yield from _scan(fd, prefix)

    def stat(self, key: str) -> StoredObject | None:
        with suppress(ObjectChanged), self._parent(key) as (fd, name):
            return _entry(key, os.stat(name, dir_fd=fd, follow_symlinks=False))
        return None

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        with self._parent(key) as (parent, name):
            raw = _Steady(os.open(name, _FILE, dir_fd=parent), key)
        if not stat.S_ISREG(raw.before.st_mode):
            raw.close()
            raise UnsafeKey(f"{key!r} is not a file")
        if version is not None and _version(raw.before) != version:
            raw.close()
            raise ObjectChanged(f"{key!r} was overwritten")
        return io.BufferedReader(raw, 1 << 17)

    def put(self, key: str, data: bytes | Iterable[bytes], *, create_only: bool = False, durable: bool = True) -> None:
        with self._parent(key, create=True) as (fd, name):
            aside = f".{uuid.uuid4().hex}.tmp"
            try:
                _write(os.open(aside, _NEW, 0o666, dir_fd=fd), data, durable=durable)
                if create_only:
                    os.link(aside, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
                else:
                    os.rename(aside, name, src_dir_fd=fd, dst_dir_fd=fd)
                    aside = ""
            except FileExistsError:
                raise AlreadyExists(f"{key!r} is already there") from None
            finally:
                if aside:
                    with suppress(OSError):
                        os.unlink(aside, dir_fd=fd)
            if durable:
                os.fsync(fd)

    def sync(self, keys: Sequence[str]) -> None:
        if len(keys) > MAX_SEPARATE_SYNCS:
            os.sync()
            return
        for folder in sorted({key.rpartition("/")[0] for key in keys}):
            with suppress(ObjectChanged), self._folder(folder) as fd:
                for key in keys:
                    above, _, name = key.rpartition("/")
                    if above == folder:
                        _sync_file(fd, name)
                os.fsync(fd)

    def copy(self, key: str, to: str) -> None:
        with self.open(key) as f:
            self.put(to, iter_blocks(f))

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        with self._folder(staging.rstrip("/")) as fd:
            _sync(fd)
        with self._parent(staging.rstrip("/")) as (src, name), self._parent(final.rstrip("/"), create=True) as (dst, to):
            try:
                os.rename(name, to, src_dir_fd=src, dst_dir_fd=dst)
            except OSError as e:
                if e.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return False
                raise
            os.fsync(dst)
        if self.stat(final + last) is None:
            raise StoreError(f"{final!r} was put in place without its {last}")
        return True

    def delete(self, key: str, version: str | None = None) -> bool:
        with suppress(ObjectChanged), self._parent(key) as (fd, name):
            # Nothing can delete a file only if it is unchanged: an upload between these two lines would be lost.
            if version in (None, _version(os.stat(name, dir_fd=fd, follow_symlinks=False))):
                os.unlink(name, dir_fd=fd)
                return True
        return False

    def remove_empty_folders(self, prefix: str) -> None:
        for child in self.children(prefix):
            if child.kind == "folder":
                self.remove_empty_folders(child.key + "/")
        with suppress(ObjectChanged), self._parent(prefix.rstrip("/")) as (fd, name), suppress(OSError):
            os.rmdir(name, dir_fd=fd)  # refuses what is not empty

    def free_bytes(self) -> int | None:
        here = self.root
        while not here.exists():
            here = here.parent
        return shutil.disk_usage(here).free

    def server_time(self) -> datetime | None:
        return None

    @contextmanager
    def _folder(self, key: str, *, create: bool = False, shown: str = "") -> Iterator[int]:
        """A descriptor of a folder, reached step by step; raises Changed where there is none, as at a link."""
        with _plain(shown or key or self.url):
            if create:
                with _plain(self.url):
                    self.root.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
            try:
                for name in require_safe_key(key).split("/") if key else ():
                    fd = _step(fd, name, create=create)
                yield fd
            finally:
                os.close(fd)

    @contextmanager
    def _parent(self, key: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        above, _, name = require_safe_key(key).rpartition("/")
        with self._folder(above, create=create, shown=key) as fd:
            yield fd, name


class _Steady(io.RawIOBase):
    """A file that must not be written to while it is read: at its end (and at close) it must be as it was opened."""

    def __init__(self, fd: int, key: str) -> None:
        self.fd, self.key, self.before = fd, key, os.fstat(fd)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self.fd, offset, whence)

    def readinto(self, buffer: object) -> int:
        n = os.readv(self.fd, [buffer])  # type: ignore[list-item]  # io gives any writable buffer
        if n == 0 and _state(os.fstat(self.fd)) != _state(self.before):
            raise ObjectChanged(f"{self.key!r} was written to while it was read")
        return n

    def close(self) -> None:
        if not self.closed:
            os.close(self.fd)
        super().close()


def _state(s: os.stat_result) -> tuple[int, int, int]:
    return s.st_size, s.st_mtime_ns, s.st_ctime_ns if s.st_nlink else 0


def _version(s: os.stat_result) -> str:
    return f"{s.st_size}-{s.st_mtime_ns}"


def _entry(key: str, s: os.stat_result) -> StoredObject:
    return StoredObject(key, s.st_size, _version(s), _kind(s.st_mode))


def _kind(mode: int) -> EntryKind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _walk(fd: int, prefix: str, depth: int) -> Iterator[StoredObject]:
    """All below an open folder, depth first; a folder swapped for something else meanwhile is passed over."""
    for entry in _scan(fd, prefix):
        if entry.kind != "folder":
            yield entry
        elif depth >= MAX_DEPTH:
            yield StoredObject(entry.key, 0, "too deep", "other")
        else:
            yield from _below(fd, entry.key, depth + 1)


def _below(fd: int, key: str, depth: int) -> Iterator[StoredObject]:
    try:
        below = os.open(key.rpartition("/")[2], _FOLDER, dir_fd=fd)
    except (FileNotFoundError, NotADirectoryError):
        return
    except PermissionError:  # one business's folder must not end the pass for all
        yield StoredObject(key, 0, "not readable", "other")
        return
    try:
        yield from _walk(below, key + "/", depth)
    finally:
        os.close(below)


def _scan(fd: int, prefix: str) -> Iterator[StoredObject]:
    with os.scandir(fd) as found:
        for child in found:
            with suppress(FileNotFoundError):  # gone since the listing
                yield _entry(prefix + child.name, child.stat(follow_symlinks=False))


def _step(fd: int, name: str, *, create: bool) -> int:
    """The descriptor of a folder in a folder; the given one is closed only once that is there."""
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=fd)
    below = os.open(name, _FOLDER, dir_fd=fd)
    os.close(fd)
    return below


def _sync_file(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        fd = os.open(name, _FILE, dir_fd=folder)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _sync(fd: int) -> None:
    """Bring everything below an open folder to the disk, and the folder itself."""
    for child in _scan(fd, ""):
        below = os.open(child.key, _FOLDER if child.kind == "folder" else _FILE, dir_fd=fd)
        try:
            _sync(below) if child.kind == "folder" else os.fsync(below)
        finally:
            os.close(below)
    os.fsync(fd)


def _write(fd: int, data: bytes | Iterable[bytes], *, durable: bool) -> None:
    with os.fdopen(fd, "wb") as f:
        for block in (data,) if isinstance(data, bytes) else data:
            f.write(block)
        f.flush()
        if durable:
            os.fsync(f.fileno())


@contextmanager
def _plain(key: str) -> Iterator[None]:
    """The operating system's errors in one line. A folder that turned into a link answers ENOTDIR: it is not there."""
    try:
        yield
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise UnsafeKey(f"{key!r} is a link") from None
        if e.errno in (errno.ENOENT, errno.ENOTDIR):
            raise ObjectChanged(f"{key!r} is not there") from None
        if e.errno == errno.EACCES:
            raise AccessDenied(f"{key!r}: {e.strerror}") from None
        raise StoreError(f"{key!r}: {e.strerror}") from e
