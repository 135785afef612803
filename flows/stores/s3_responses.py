"""What S3 answers: errors in one line, versions, and bodies that are taken up again where they broke off."""

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

#: Times a stream that gives nothing new, or a conditional write in a race, is tried.
MAX_TRIES = 6
#: Seconds before the first of these tries; each further one waits twice as long.
BACKOFF_SECONDS = 0.1


_GONE = ("NoSuchKey", "404", "NotFound")
_NOT_SO = ("PreconditionFailed", "412")
_RACE = ("ConditionalRequestConflict", "OperationAborted", "409")


def sleep_before_retry(attempt: int) -> None:
    time.sleep(BACKOFF_SECONDS * 2**attempt)


class WriteConflict(StoreError):
    """Another conditional write is under way: try again."""


def error_code(e: ClientError) -> str:
    return str(e.response.get("Error", {}).get("Code", ""))


@contextmanager
def translate_s3_errors(key: str) -> Iterator[None]:
    """What the server or the way to it answers, in one line."""
    try:
        yield
    except ClientError as e:
        if error_code(e) in (*_GONE, *_NOT_SO, "NoSuchUpload"):
            raise ObjectChanged(f"{key!r} is not there, or was overwritten") from None
        if error_code(e) in _RACE:
            raise WriteConflict(f"{key!r} is being written by another") from None
        raise StoreError(f"{key!r}: {error_code(e)}: {e.response.get('Error', {}).get('Message', '')}") from e
    except (BotoCoreError, HTTPError) as e:
        raise StoreError(f"{key!r}: {e}".splitlines()[0]) from e


def object_version(found: Any) -> str:
    """A listing may give fractions of a second where an answer's header cannot."""
    return f"{found['ETag']}@{int(found['LastModified'].timestamp())}"


def etag_of_version(version: str) -> str:
    return version.rpartition("@")[0]


class S3ObjectStream(io.RawIOBase):
    """An object as a stream: pinned to one version, and taken up again where the connection broke off."""

    def __init__(self, s3: "S3Client", at: dict[str, Any], key: str, version: str | None) -> None:
        self.s3, self.at, self.key, self.version = s3, at, key, version
        self.place = 0
        self.body = self._get(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + (self.place if whence == io.SEEK_CUR else 0)
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("a stream from S3 does not know its end")
        if place != self.place:
            self.body.close()
            self.place, self.body = place, self._get(place)
        return self.place

    def readinto(self, buffer: Any) -> int:
        for attempt in range(MAX_TRIES):
            try:
                block = self.body.read(len(buffer))
            except FlexibleChecksumError as e:
                raise StoreError(f"{self.key!r}: what arrived has another checksum than what is stored") from e
            except (HTTPClientError, HTTPError, OSError, BotoCoreError):
                self.body.close()
                sleep_before_retry(attempt)
                self.body = self._get(self.place)
                continue
            self.place += len(block)
            buffer[: len(block)] = block
            return len(block)
        raise StoreError(f"{self.key!r}: the connection broke off {MAX_TRIES} times at byte {self.place}")

    def close(self) -> None:
        if not self.closed:
            self.body.close()
        super().close()

    def _get(self, place: int) -> Any:
        pinned: dict[str, Any] = {"IfMatch": etag_of_version(self.version)} if self.version else {}
        if place:
            pinned["Range"] = f"bytes={place}-"
        with translate_s3_errors(self.key):
            found = self.s3.get_object(**self.at, **pinned)
        if self.version not in (None, object_version(found)):
            found["Body"].close()
            raise ObjectChanged(f"{self.key!r} was overwritten")
        self.version = object_version(found)
        return found["Body"]
