"""S3, or any server with its API (`AWS_ENDPOINT_URL`), as a store.

Its URL is `s3://bucket/prefix`. If the bucket's default encryption is not enough, add S3's own parameters:
`s3://bucket/prefix?ServerSideEncryption=aws:kms&SSEKMSKeyId=…`. Credentials and region come from the usual places.

Requests are retried with backoff by botocore's standard mode. Two cases it cannot handle are handled here: a download
that breaks off, and a conditional write that succeeded although its answer was lost.
"""

import io
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from flows.stores import (
    AlreadyExists,
    ObjectChanged,
    StoredObject,
    StoreError,
    is_safe_key,
    read_object,
    require_safe_key,
)
from flows.stores.s3_responses import (
    MAX_TRIES,
    S3ObjectStream,
    WriteConflict,
    error_code,
    etag_of_version,
    object_version,
    sleep_before_retry,
    translate_s3_errors,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Size of one part of a multipart upload. S3's limit of 10,000 parts then allows 160 GB.
PART_BYTES = 16 << 20
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId")
#: Metadata with a random id for each write, by which a write recognizes its own object.
_WRITE_ID = "launchdrop-put"
#: So that browsers show the files of a bucket that is a website. All of them are UTF-8.
_CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".json": "application/json"}


def open_s3_client(**more: Any) -> "S3Client":
    """A client that retries throttled and failed requests. `more` are further options of botocore's Config.

    Servers other than AWS get path-style addresses (bucket in the path, not in the host name).
    """
    custom_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        retries={"mode": "standard", "total_max_attempts": MAX_TRIES},
        connect_timeout=10,
        read_timeout=60,
        s3={"addressing_style": "path" if custom_endpoint else "auto"},
    )
    try:
        return boto3.session.Session().client("s3", config=config.merge(Config(**more)))
    except ValueError:
        raise StoreError(
            "expected AWS_ENDPOINT_URL such as https://host:port, and a region such as eu-west-1"
        ) from None


class S3Store:
    """A prefix in a bucket. An object's version is its ETag and the second of its last write."""

    def __init__(self, url: str, s3: "S3Client | None" = None) -> None:
        self.url = url
        self.bucket, self.prefix, self.options = _parse_url(url)
        with translate_s3_errors(url):
            self.s3 = s3 or open_s3_client()

    def __reduce__(self) -> tuple[type["S3Store"], tuple[str]]:
        """Unpickling in another process opens the store again, with that process's credentials."""
        return type(self), (self.url,)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for page in self._pages(Prefix=self.prefix + prefix):
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):  # a placeholder that the AWS console makes for a folder
                    yield self._entry(item["Key"], item)

    def children(self, prefix: str = "") -> Iterator[StoredObject]:
        for page in self._pages(Prefix=self.prefix + prefix, Delimiter="/"):
            for folder in page.get("CommonPrefixes", ()):
                key = folder["Prefix"].removeprefix(self.prefix).removesuffix("/")
                yield StoredObject(key, 0, "", "folder" if is_safe_key(key) else "other")
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):
                    yield self._entry(item["Key"], item)

    def stat(self, key: str) -> StoredObject | None:
        location = self._location(key)
        try:
            with translate_s3_errors(key):
                head = self.s3.head_object(**location)
        except ObjectChanged:
            return None
        return StoredObject(key, head["ContentLength"], object_version(head))

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        return io.BufferedReader(S3ObjectStream(self.s3, self._location(key), key, version), 1 << 17)

    def put(
        self,
        key: str,
        data: bytes | Iterable[bytes],
        *,
        create_only: bool = False,
        durable: bool = True,  # noqa: ARG002  every write that S3 has confirmed is durable
    ) -> None:
        parts = iter((data,)) if isinstance(data, bytes) else _split_into_parts(data)
        first, second = next(parts, b""), next(parts, None)
        write_id = uuid.uuid4().hex
        request = self._location(key) | self.options | {"Metadata": {_WRITE_ID: write_id}} | _content_type(key)
        if second is None:
            self._write(key, write_id, create_only, lambda extra: self.s3.put_object(**request, Body=first, **extra))
        else:
            self._upload_parts(key, write_id, create_only, request, chain((first, second), parts))

    def sync(self, keys: Sequence[str]) -> None:
        """Nothing to do: every write that S3 has confirmed is durable."""

    def copy(self, key: str, to: str) -> None:
        single_thread = TransferConfig(use_threads=False)
        source, target = self._location(key), self._location(to)
        with translate_s3_errors(key):
            self.s3.copy(source, **target, ExtraArgs=self.options, Config=single_thread)  # type: ignore[arg-type]  # the stubs want TypedDicts

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        if self.stat(final + last) is not None:
            return False
        for entry in self.list(staging):
            if entry.key != staging + last:
                self.copy(entry.key, final + entry.key.removeprefix(staging))
        if (content := read_object(self, staging + last)) is None:
            raise StoreError(f"{staging + last!r} does not exist")
        try:
            self.put(final + last, content, create_only=True)
        except AlreadyExists:
            return False
        for entry in self.list(staging):
            with translate_s3_errors(entry.key):
                self.s3.delete_object(**self._location(entry.key))
        return True

    def delete(self, key: str, version: str | None = None) -> bool:
        current = self.stat(key)
        if current is None or version not in (None, current.version):
            return False
        condition: dict[str, Any] = {"IfMatch": etag_of_version(version)} if version else {}
        try:
            with translate_s3_errors(key):
                self._delete(self._location(key), condition)
        except ObjectChanged:
            return False
        return True

    def remove_empty_folders(self, prefix: str) -> None:
        """Nothing to do: S3 has no folders."""

    def free_bytes(self) -> int | None:
        return None

    def server_time(self) -> datetime | None:
        with translate_s3_errors(self.url):
            answer = self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return parsedate_to_datetime(date) if date else None

    def _location(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket, "Key": self.prefix + require_safe_key(key)}

    def _pages(self, **where: Any) -> Iterator[Any]:
        pages = iter(self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, **where))
        while True:
            with translate_s3_errors(self.url):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _entry(self, key: str, item: Any) -> StoredObject:
        key = key.removeprefix(self.prefix)
        return StoredObject(key, item["Size"], object_version(item), "file" if is_safe_key(key) else "other")

    def _write(self, key: str, write_id: str, create_only: bool, send: Callable[[dict[str, Any]], object]) -> None:
        """Call `send` with the condition for create-only until it succeeds.

        The answer of a try may be lost. If the next one finds the object with our write id, the first one succeeded.
        """
        for attempt in range(MAX_TRIES):
            try:
                with translate_s3_errors(key):
                    send({"IfNoneMatch": "*"} if create_only else {})
            except WriteConflict:
                sleep_before_retry(attempt)
            except ObjectChanged:
                if self._read_write_id(key) == write_id:
                    return
                if create_only:
                    raise AlreadyExists(f"{key!r} already exists") from None
                raise
            else:
                return
        raise StoreError(f"{key!r}: other processes keep writing it")

    def _upload_parts(
        self, key: str, write_id: str, create_only: bool, request: dict[str, Any], parts: Iterator[bytes]
    ) -> None:
        with translate_s3_errors(key):
            upload = {"UploadId": self.s3.create_multipart_upload(**request)["UploadId"], **self._location(key)}
        try:
            done = []
            for number, part in enumerate(parts, 1):
                with translate_s3_errors(key):
                    answer = self.s3.upload_part(**upload, PartNumber=number, Body=part)
                done.append({"PartNumber": number, "ETag": answer["ETag"]})
            completed: Any = {"MultipartUpload": {"Parts": done}, **upload}
            self._write(
                key, write_id, create_only, lambda extra: self.s3.complete_multipart_upload(**completed, **extra)
            )
        except BaseException:
            with translate_s3_errors(key):
                self.s3.abort_multipart_upload(**upload)
            raise

    def _read_write_id(self, key: str) -> str | None:
        try:
            with translate_s3_errors(key):
                return self.s3.head_object(**self._location(key))["Metadata"].get(_WRITE_ID)
        except ObjectChanged:
            return None

    def _delete(self, location: dict[str, Any], condition: dict[str, Any]) -> None:
        try:
            self.s3.delete_object(**location, **condition)
        except ClientError as e:
            if not condition or error_code(e) not in ("NotImplemented", "501"):
                raise
            self.s3.delete_object(**location)  # this server has no conditional deletes


def _parse_url(url: str) -> tuple[str, str, dict[str, str]]:
    """(bucket, prefix, encryption options). Raises StoreError without the URL, which may contain a secret."""
    with suppress(ValueError):  # both parsing functions raise it for invalid text
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        if _BUCKET.fullmatch(parts.netloc) and set(options) <= set(_ENCRYPTION):
            path = parts.path.strip("/")
            return parts.netloc, f"{path}/" if path else "", options
    allowed = " and ".join(f"{name}=…" for name in _ENCRYPTION)
    raise StoreError(f"expected s3://bucket/prefix, with no query parameters except {allowed}")


def _content_type(key: str) -> dict[str, str]:
    content_type = _CONTENT_TYPES.get(key[key.rfind(".") :])
    return {"ContentType": content_type} if content_type else {}


def _split_into_parts(data: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of PART_BYTES. The last one may be shorter."""
    part = bytearray()
    for block in data:
        part += block
        while len(part) >= PART_BYTES:
            yield bytes(part[:PART_BYTES])
            del part[:PART_BYTES]
    if part:
        yield bytes(part)
