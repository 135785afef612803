"""How S3's responses are read: errors as one line, object versions, and streams that reconnect."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError, HTTPClientError
from urllib3.exceptions import HTTPError

from flows.stores import ObjectChanged, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Tries of a read that makes no progress, or of a conditional write that loses a race.
MAX_TRIES = 6
#: Seconds before the second try. Each further wait is twice as long.
BACKOFF_SECONDS = 0.1


_NOT_FOUND = ("NoSuchKey", "404", "NotFound")
_PRECONDITION_FAILED = ("PreconditionFailed", "412")
_CONFLICT = ("ConditionalRequestConflict", "OperationAborted", "409")


class WriteConflict(StoreError):
    """Another conditional write of the same key is in progress. Try again."""


def sleep_before_retry(attempt: int) -> None:
    """Back off. `attempt` counts from 0."""
    time.sleep(BACKOFF_SECONDS * 2**attempt)


def error_code(e: ClientError) -> str:
    """The error code of a response, such as NoSuchKey. Empty if it has none."""
    return str(e.response.get("Error", {}).get("Code", ""))


@contextmanager
def translate_s3_errors(key: str) -> Iterator[None]:
    """Turn errors of the server or the connection into StoreErrors of one line that name the key."""
    try:
        yield
    except ClientError as e:
        if error_code(e) in (*_NOT_FOUND, *_PRECONDITION_FAILED, "NoSuchUpload"):
            raise ObjectChanged(f"{key!r} does not exist or was overwritten") from None
        if error_code(e) in _CONFLICT:
            raise WriteConflict(f"{key!r} is being written by another process") from None
        raise StoreError(f"{key!r}: {error_code(e)}: {e.response.get('Error', {}).get('Message', '')}") from e
    except (BotoCoreError, HTTPError) as e:
        raise StoreError(f"{key!r}: {e}".splitlines()[0]) from e


def object_version(response: Any) -> str:
    """ETag and modification time, cut to the second: listings may have fractions of it, HTTP headers cannot."""
    return f"{response['ETag']}@{int(response['LastModified'].timestamp())}"


def etag_of_version(version: str) -> str:
    """The ETag in an `object_version`."""
    return version.rpartition("@")[0]


class S3ObjectStream(io.RawIOBase):
    """A stream of one version of an object. It reconnects and continues if the connection breaks."""

    def __init__(self, s3: "S3Client", location: dict[str, Any], key: str, version: str | None) -> None:
        """`location` is the Bucket and Key for S3; `key` is the store's own key, for messages."""
        self.s3, self.location, self.key, self.version = s3, location, key, version
        self.position = 0
        self.body = self._get(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = offset + (self.position if whence == io.SEEK_CUR else 0)
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("an S3 stream cannot seek from its end")
        if position != self.position:
            self.body.close()
            self.position, self.body = position, self._get(position)
        return self.position

    def readinto(self, buffer: Any) -> int:
        for attempt in range(MAX_TRIES):
            try:
                block = self.body.read(len(buffer))
            except FlexibleChecksumError as e:
                raise StoreError(f"{self.key!r}: the received data does not match the stored checksum") from e
            except (HTTPClientError, HTTPError, OSError, BotoCoreError):
                self.body.close()
                sleep_before_retry(attempt)
                self.body = self._get(self.position)
                continue
            self.position += len(block)
            buffer[: len(block)] = block
            return len(block)
        raise StoreError(f"{self.key!r}: the connection broke {MAX_TRIES} times at byte {self.position}")

    def close(self) -> None:
        if not self.closed:
            self.body.close()
        super().close()

    def _get(self, position: int) -> Any:
        conditions: dict[str, Any] = {"IfMatch": etag_of_version(self.version)} if self.version else {}
        if position:
            conditions["Range"] = f"bytes={position}-"
        with translate_s3_errors(self.key):
            response = self.s3.get_object(**self.location, **conditions)
        if self.version not in (None, object_version(response)):
            response["Body"].close()
            raise ObjectChanged(f"{self.key!r} was overwritten")
        self.version = object_version(response)
        return response["Body"]
