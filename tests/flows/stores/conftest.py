"""The fixture `store`: each kind of store in turn, for tests of what all stores promise."""

import itertools

import pytest
from moto.server import ThreadedMotoServer

from flows.stores.folder import FolderStore
from flows.stores.s3 import S3Store, open_s3_client
from tests.flows.stores.memory import MemoryStore

_buckets = itertools.count()


@pytest.fixture(scope="session")
def s3_server():
    """The URL of a local S3 server on a free port."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3_env(s3_server):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3_server)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        yield


@pytest.fixture(scope="session")
def s3(s3_env):
    return open_s3_client()


@pytest.fixture
def bucket(s3):
    """A new bucket."""
    name = f"bucket-{next(_buckets)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(params=["memory", "folder", "s3"])
def store(request, tmp_path):
    if request.param == "memory":
        return MemoryStore()
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return S3Store(f"s3://{request.getfixturevalue('bucket')}/some/prefix", request.getfixturevalue("s3"))
