"""A fault at each call to S3 in turn: the result is the same as without faults."""

import itertools

import pytest

from flows.archive.submissions import archive_drop, delete_taken_files, is_intact, open_archived_drop
from flows.stores import AlreadyExists, ObjectChanged, StoreError, read_object
from flows.stores.s3 import S3Store, open_s3_client
from tests.flows.inbox_world import InboxWorld, manifest
from tests.flows.stores.proxy import FAULTS, FaultyProxy

pytestmark = pytest.mark.server

CLIENT_TIMEOUT = 0.5
FEW = {"numbers.csv": b"501 214 9020,Survey\n" * 500}
MANY = {**FEW, "more numbers.csv": b"", "sub/x.csv": b"x" * 200_000}

_runs = itertools.count()


@pytest.fixture(scope="module")
def proxy(s3_server):
    proxy = FaultyProxy(s3_server, CLIENT_TIMEOUT)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def faulty(s3, proxy):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        patch.setattr("flows.stores.s3_responses.BACKOFF_SECONDS", 0)
        s3.create_bucket(Bucket="faults")
        yield open_s3_client(read_timeout=CLIENT_TIMEOUT, connect_timeout=CLIENT_TIMEOUT)


def take(root, proxy, faulty, files, fault=None, at=0):
    """Take one drop, from the scan to the emptied inbox, with one fault. Returns (result, number of S3 calls)."""
    run = f"s3://faults/{next(_runs)}"
    (root / run.rpartition("/")[2]).mkdir()
    world = InboxWorld(
        root / run.rpartition("/")[2], S3Store(f"{run}/inbox", faulty), S3Store(f"{run}/archive", faulty)
    )
    try:
        for name, content in {**files, "program.yaml": manifest(*files)}.items():
            world.put(name, content)
        proxy.plan(at, fault)
        sighting = world.scan_until_settled()
        archived = archive_drop(world.store, world.archive, sighting, token=1)
        drop = open_archived_drop(world.archive, "acme", archived.submission)
        assert is_intact(drop)
        delete_taken_files(world.store, "acme", "d", archived.taken)
        calls = proxy.calls
        proxy.plan(0, None)
        kept = sorted((e.key, e.size) for e in world.archive.list())
        return (archived.submission, archived.digest, kept, list(world.store.list())), calls
    finally:
        world.ledger.close()


def test_a_fault_at_every_third_call(tmp_path, proxy, faulty):
    """A part of the soak test below, with the kinds of fault in turn."""
    clean, calls = take(tmp_path, proxy, faulty, FEW)
    assert calls > 20
    for at, fault in zip(range(1, calls + 1, 3), itertools.cycle(FAULTS), strict=False):
        assert take(tmp_path, proxy, faulty, FEW, fault, at)[0] == clean, (fault, at)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_call(tmp_path, proxy, faulty, fault):
    clean, calls = take(tmp_path, proxy, faulty, MANY)
    for at in range(1, calls + 1):
        assert take(tmp_path, proxy, faulty, MANY, fault, at)[0] == clean, (fault, at)


@pytest.mark.parametrize("fault", FAULTS)
def test_create_only_recognizes_its_own_write(proxy, faulty, fault):
    store = S3Store(f"s3://faults/{next(_runs)}", faulty)
    for at in (1, 2):
        proxy.plan(at, fault)
        store.put(f"mine-{at}", b"mine", create_only=True)
        proxy.plan(at, fault)
        with pytest.raises(AlreadyExists):
            store.put(f"mine-{at}", b"second", create_only=True)
        proxy.plan(0, None)
        assert read_object(store, f"mine-{at}") == b"mine"


FEW_FAULTS = [f if f in ("lost", "truncated") else pytest.param(f, marks=pytest.mark.soak) for f in FAULTS]


@pytest.mark.parametrize("fault", FEW_FAULTS)
def test_a_multipart_upload(proxy, faulty, fault, monkeypatch):
    monkeypatch.setattr("flows.stores.s3.PART_BYTES", 5 << 20)
    store = S3Store(f"s3://faults/{next(_runs)}", faulty)
    content = b"0123456789abcdef" * (6 << 16)
    for at in range(1, 5):
        proxy.plan(at, fault)
        store.put(f"big-{at}", iter([content[:1000], content[1000:]]), create_only=at % 2 == 0)
        proxy.plan(1, fault)
        assert read_object(store, f"big-{at}") == content, at
    assert [e.size for e in store.list()] == [len(content)] * 4


def test_an_overwrite_is_noticed_when_a_broken_download_resumes(proxy, faulty):
    store = S3Store(f"s3://faults/{next(_runs)}", faulty)
    proxy.plan(0, None)
    store.put("x", b"a" * 600_000)
    proxy.plan(1, "truncated")
    with store.open("x") as f:
        assert f.read(10) == b"a" * 10
        store.put("x", b"b" * 600_000)
        with pytest.raises(ObjectChanged):
            f.read()


def test_an_unreachable_server_is_an_error_of_one_line(faulty, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = S3Store("s3://faults", open_s3_client(connect_timeout=0.2))
    for call in (
        lambda: list(store.list()),
        lambda: store.stat("x"),
        lambda: store.open("x"),
        lambda: store.put("x", b""),
    ):
        with pytest.raises(StoreError, match="Could not connect to the endpoint URL") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_encryption_settings_are_passed_on(s3, bucket):
    store = S3Store(f"s3://{bucket}/p?ServerSideEncryption=aws:kms&SSEKMSKeyId=alias/launchdrop", s3)
    store.put("x", b"x")
    store.copy("x", "y")
    store.put("z", iter([b"x" * (17 << 20)]))
    for key in "xyz":
        head = s3.head_object(Bucket=bucket, Key=f"p/{key}")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/launchdrop")


@pytest.mark.parametrize(
    "url", ["s3://", "s3://b?Secret=1", "s3:///x", "s3://b/p?kms", "s3://[b/p", "s3://key:Secret@b/p"]
)
def test_an_invalid_url_is_reported(url):
    with pytest.raises(StoreError, match="expected s3://bucket/prefix") as caught:
        S3Store(url)
    assert "Secret" not in str(caught.value)


def test_an_invalid_endpoint_is_reported(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio")
    with pytest.raises(StoreError, match=r"^expected AWS_ENDPOINT_URL such as https://host:port"):
        S3Store("s3://bucket/prefix")
