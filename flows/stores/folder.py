"""A folder as a store.

Paths are opened one level at a time, by descriptor and without following links, so that nobody can redirect an access
by replacing a folder with a link.
"""

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

#: Folders deeper than this below the store are listed as one entry of kind "other", and are not entered.
MAX_DEPTH = 16
#: Above this number of files, one `os.sync` for the whole machine is cheaper than syncing each file.
MAX_SEPARATE_SYNCS = 32

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe must not wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderStore:
    """`root` itself may be a link, because the operator chose it. Links below it are never followed."""

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
            raw = _UnchangingFile(os.open(name, _FILE, dir_fd=parent), key)
        if not stat.S_ISREG(raw.before.st_mode):
            raw.close()
            raise UnsafeKey(f"{key!r} is not a file")
        if version is not None and _version(raw.before) != version:
            raw.close()
            raise ObjectChanged(f"{key!r} was overwritten")
        return io.BufferedReader(raw, 1 << 17)

    def put(self, key: str, data: bytes | Iterable[bytes], *, create_only: bool = False, durable: bool = True) -> None:
        with self._parent(key, create=True) as (fd, name):
            temporary = f".{uuid.uuid4().hex}.tmp"
            try:
                _write(os.open(temporary, _NEW, 0o666, dir_fd=fd), data, durable=durable)
                if create_only:
                    os.link(temporary, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
                else:
                    os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
                    temporary = ""
            except FileExistsError:
                raise AlreadyExists(f"{key!r} already exists") from None
            finally:
                if temporary:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=fd)
            if durable:
                os.fsync(fd)

    def sync(self, keys: Sequence[str]) -> None:
        if len(keys) > MAX_SEPARATE_SYNCS:
            os.sync()
            return
        for folder in sorted({key.rpartition("/")[0] for key in keys}):
            with suppress(ObjectChanged), self._folder(folder) as fd:
                for key in keys:
                    parent, _, name = key.rpartition("/")
                    if parent == folder:
                        _sync_file(fd, name)
                os.fsync(fd)

    def copy(self, key: str, to: str) -> None:
        with self.open(key) as f:
            self.put(to, iter_blocks(f))

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        with self._folder(staging.rstrip("/")) as fd:
            _sync_tree(fd)
        with (
            self._parent(staging.rstrip("/")) as (src, name),
            self._parent(final.rstrip("/"), create=True) as (dst, to),
        ):
            try:
                os.rename(name, to, src_dir_fd=src, dst_dir_fd=dst)
            except OSError as e:
                if e.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return False
                raise
            os.fsync(dst)
        if self.stat(final + last) is None:
            raise StoreError(f"{final!r} was moved into place without its {last}")
        return True

    def delete(self, key: str, version: str | None = None) -> bool:
        with suppress(ObjectChanged), self._parent(key) as (fd, name):
            # No system call deletes a file only if it is unchanged: an upload between these two lines would be lost.
            if version in (None, _version(os.stat(name, dir_fd=fd, follow_symlinks=False))):
                os.unlink(name, dir_fd=fd)
                return True
        return False

    def remove_empty_folders(self, prefix: str) -> None:
        for child in self.children(prefix):
            if child.kind == "folder":
                self.remove_empty_folders(child.key + "/")
        with suppress(ObjectChanged), self._parent(prefix.rstrip("/")) as (fd, name), suppress(OSError):
            os.rmdir(name, dir_fd=fd)  # fails if it is not empty

    def free_bytes(self) -> int | None:
        existing = self.root
        while not existing.exists():
            existing = existing.parent
        return shutil.disk_usage(existing).free

    def server_time(self) -> datetime | None:
        return None

    @contextmanager
    def _folder(self, key: str, *, create: bool = False, shown_as: str = "") -> Iterator[int]:
        """A descriptor of a folder, opened one level at a time. Raises ObjectChanged if it is missing or a link."""
        with _translate_os_errors(shown_as or key or self.url):
            if create:
                with _translate_os_errors(self.url):
                    self.root.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
            try:
                for name in require_safe_key(key).split("/") if key else ():
                    fd = _open_subfolder(fd, name, create=create)
                yield fd
            finally:
                os.close(fd)

    @contextmanager
    def _parent(self, key: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        parent, _, name = require_safe_key(key).rpartition("/")
        with self._folder(parent, create=create, shown_as=key) as fd:
            yield fd, name


class _UnchangingFile(io.RawIOBase):
    """A file that must not be written to while it is read. That is checked at its end."""

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
            raise ObjectChanged(f"{self.key!r} was written to while it was being read")
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
    """Everything below an open folder, depth first. A folder that was replaced since it was listed is skipped."""
    for entry in _scan(fd, prefix):
        if entry.kind != "folder":
            yield entry
        elif depth >= MAX_DEPTH:
            yield StoredObject(entry.key, 0, "too deep", "other")
        else:
            yield from _walk_subfolder(fd, entry.key, depth + 1)


def _walk_subfolder(fd: int, key: str, depth: int) -> Iterator[StoredObject]:
    try:
        subfolder = os.open(key.rpartition("/")[2], _FOLDER, dir_fd=fd)
    except (FileNotFoundError, NotADirectoryError):
        return
    except PermissionError:  # one business's folder must not stop the pass for all
        yield StoredObject(key, 0, "not readable", "other")
        return
    try:
        yield from _walk(subfolder, key + "/", depth)
    finally:
        os.close(subfolder)


def _scan(fd: int, prefix: str) -> Iterator[StoredObject]:
    with os.scandir(fd) as children:
        for child in children:
            with suppress(FileNotFoundError):  # deleted since it was listed
                yield _entry(prefix + child.name, child.stat(follow_symlinks=False))


def _open_subfolder(fd: int, name: str, *, create: bool) -> int:
    """A descriptor of the folder `name` in the open folder `fd`, which is then closed."""
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=fd)
    subfolder = os.open(name, _FOLDER, dir_fd=fd)
    os.close(fd)
    return subfolder


def _sync_file(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        fd = os.open(name, _FILE, dir_fd=folder)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _sync_tree(fd: int) -> None:
    """Sync everything below an open folder to disk, and the folder itself."""
    for entry in _scan(fd, ""):
        child = os.open(entry.key, _FOLDER if entry.kind == "folder" else _FILE, dir_fd=fd)
        try:
            _sync_tree(child) if entry.kind == "folder" else os.fsync(child)
        finally:
            os.close(child)
    os.fsync(fd)


def _write(fd: int, data: bytes | Iterable[bytes], *, durable: bool) -> None:
    with os.fdopen(fd, "wb") as f:
        for block in (data,) if isinstance(data, bytes) else data:
            f.write(block)
        f.flush()
        if durable:
            os.fsync(f.fileno())


@contextmanager
def _translate_os_errors(key: str) -> Iterator[None]:
    """Turn errors of the operating system into StoreErrors of one line that name the key."""
    try:
        yield
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise UnsafeKey(f"{key!r} is a link") from None
        if e.errno in (errno.ENOENT, errno.ENOTDIR):  # ENOTDIR: a folder on the way is a file or a link
            raise ObjectChanged(f"{key!r} does not exist") from None
        if e.errno == errno.EACCES:
            raise AccessDenied(f"{key!r}: {e.strerror}") from None
        raise StoreError(f"{key!r}: {e.strerror}") from e
