"""What only folders have: links, pipes, names that are not UTF-8, and files that change while they are read."""

import os
from pathlib import Path

import pytest

from flows.stores import AccessDenied, ObjectChanged, StoreError, UnsafeKey, read_object, write_batch
from flows.stores.folder import MAX_DEPTH, MAX_SEPARATE_SYNCS, FolderStore
from flows.stores.opening import open_store


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store/acme/d").mkdir(parents=True)
    return FolderStore(tmp_path / "store")


def test_links_are_listed_and_never_followed(store, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "x.csv").write_text("secret")
    (store.root / "acme/d/file").symlink_to(secret / "x.csv")
    (store.root / "acme/d/folder").symlink_to(secret)
    (store.root / "acme/linked").symlink_to(secret)
    assert {e.key: e.kind for e in store.list()} == dict.fromkeys(
        ["acme/d/file", "acme/d/folder", "acme/linked"], "link"
    )
    with pytest.raises(UnsafeKey, match="'acme/d/file' is a link"):
        store.open("acme/d/file")
    with pytest.raises(ObjectChanged):
        store.open("acme/linked/x.csv")
    with pytest.raises(StoreError):
        store.put("acme/linked/new", b"x")
    assert list(store.list("acme/linked/")) == []
    assert not store.delete("acme/linked/x.csv")
    assert sorted(p.name for p in secret.iterdir()) == ["x.csv"]


def test_opening_a_pipe_does_not_block(store):
    os.mkfifo(store.root / "acme/d/pipe")
    assert [e.kind for e in store.list()] == ["other"]
    with pytest.raises(UnsafeKey, match="not a file"):
        store.open("acme/d/pipe")


def test_names_that_are_not_utf8(store):
    raw = os.fsencode(store.root) + b"/acme/d/caf\xe9.csv"
    with open(raw, "wb") as f:  # noqa: PTH123  pathlib takes no bytes
        f.write(b"x")
    (entry,) = store.list()
    assert os.fsencode(entry.key) == b"acme/d/caf\xe9.csv"
    assert read_object(store, entry.key) == b"x"


def test_a_write_during_a_read_is_noticed_even_with_the_same_size_and_mtime(store):
    path = store.root / "acme/d/x"
    path.write_bytes(b"a" * 300_000)
    before = path.stat()
    with store.open("acme/d/x") as f:
        f.read(10)
        path.write_bytes(b"b" * 300_000)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(ObjectChanged, match="was written to while it was being read"):
            f.read()


def test_very_deep_folders_are_cut_off(store):
    deep = "acme/" + "/".join("d" * (MAX_DEPTH + 5))
    (store.root / deep).mkdir(parents=True)
    (store.root / deep / "x").touch()
    assert [(e.kind, e.version) for e in store.list()] == [("other", "too deep")]


def test_an_unreadable_folder_does_not_stop_a_listing(store, monkeypatch):
    (store.root / "acme/other").mkdir()
    (store.root / "acme/other/x").touch()
    real = os.open

    def denied(path, *args, **kw):
        if path == "other":
            raise PermissionError(13, "denied")
        return real(path, *args, **kw)

    monkeypatch.setattr(os, "open", denied)
    assert [(e.key, e.version) for e in store.list()] == [("acme/other", "not readable")]
    with pytest.raises(AccessDenied, match=r"^'acme/other': denied$"):
        list(store.list("acme/other/"))


def test_new_files_follow_the_umask(store):
    before = os.umask(0o027)
    try:
        store.put("acme/new/receipt.json", b"{}")
    finally:
        os.umask(before)
    assert (store.root / "acme/new/receipt.json").stat().st_mode & 0o777 == 0o640
    assert (store.root / "acme/new").stat().st_mode & 0o777 == 0o750


def test_removes_only_empty_folders(store):
    (store.root / "acme/d/sub/empty").mkdir(parents=True)
    (store.root / "acme/e/sub").mkdir(parents=True)
    (store.root / "acme/e/x").touch()
    store.remove_empty_folders("acme/d/")
    store.remove_empty_folders("acme/e/")
    assert sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*")) == ["acme", "acme/e", "acme/e/x"]


def test_reports_free_space(store, tmp_path):
    assert FolderStore(tmp_path / "not/yet").free_bytes() == pytest.approx(store.free_bytes(), rel=0.1)


def test_errors_are_one_line(store):
    (store.root / "acme/d/file").touch()
    with pytest.raises(StoreError, match="'acme/d/file/x' does not exist"):
        store.put("acme/d/file/x", b"")


def test_opens_a_folder_without_loading_boto3(tmp_path):
    assert open_store(str(tmp_path)).url == str(tmp_path)


def test_a_batch_syncs_each_file_and_folder_once_and_a_large_one_the_whole_disk(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append(str(Path(f"/proc/self/fd/{fd}").readlink())))
    monkeypatch.setattr(os, "sync", lambda: calls.append("all"))
    store = FolderStore(tmp_path)
    with write_batch(store) as files:
        for name in ("a/x", "b/x", "a/y"):
            files.put(name, b"x")
        assert calls == []
    assert [c.removeprefix(f"{tmp_path}/") for c in calls] == ["a/x", "a/y", "a", "b/x", "b"]
    calls.clear()
    with write_batch(store) as files:
        for i in range(MAX_SEPARATE_SYNCS + 1):
            files.put(f"a/{i}", b"x")
    assert calls == ["all"]


def test_a_url_of_another_kind_is_not_taken_for_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"^expected a folder or s3://bucket/prefix, not ftp://…$"):
        open_store("ftp://user:secret@host/drops")


def test_a_root_that_cannot_be_created_is_named(tmp_path):
    (tmp_path / "root").write_text("in the way")
    with pytest.raises(StoreError) as e:
        open_store(str(tmp_path / "root")).put("a/b", b"")
    assert str(e.value) == f"'{tmp_path}/root': File exists"
