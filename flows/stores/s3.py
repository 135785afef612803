"""S3, or any server that speaks it (`AWS_ENDPOINT_URL`), as a store. Only what knows S3 loads boto3.

It is named `s3://bucket/prefix`, with S3's own words for encryption behind a question mark where the bucket's default
does not do: `s3://bucket/prefix?ServerSideEncryption=aws:kms&SSEKMSKeyId=…`. Credentials and region come from the usual
places. Retries with backoff are botocore's standard mode; what it cannot know is seen to here: a body that breaks off,
and a conditional write that succeeded although its answer was lost.
"""

import io
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
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

#: Bytes of one part of an upload: 10,000 of them, S3's limit, are 160 GB.
PART_BYTES = 16 << 20
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId")
_MARK = "launchdrop-put"
#: By which a browser shows what a bucket hosts; pages and tables of ours are UTF-8.
_TYPES = {".html": "text/html; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".json": "application/json"}


def open_s3_client(**more: Any) -> "S3Client":
    """A client that bears with throttling and faults. A server other than AWS is spoken to by path, not host name."""
    elsewhere = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        retries={"mode": "standard", "total_max_attempts": MAX_TRIES},
        connect_timeout=10,
        read_timeout=60,
        s3={"addressing_style": "path" if elsewhere else "auto"},
    )
    try:
        return boto3.session.Session().client("s3", config=config.merge(Config(**more)))
    except ValueError:
        raise StoreError("expected AWS_ENDPOINT_URL as https://host:port, and a region as eu-west-1") from None


class S3Store:
    """A bucket, below a prefix. An object's version is its ETag and the second it was written in."""

    def __init__(self, url: str, s3: "S3Client | None" = None) -> None:
        self.url = url
        self.bucket, self.prefix, self.options = _place(url)
        with translate_s3_errors(url):
            self.s3 = s3 or open_s3_client()

    def __reduce__(self) -> tuple[type["S3Store"], tuple[str]]:
        """In another process it is opened anew, with what credentials are there."""
        return type(self), (self.url,)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for page in self._pages(Prefix=self.prefix + prefix):
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):  # a console's picture of a folder
                    yield self._entry(found["Key"], found)

    def children(self, prefix: str = "") -> Iterator[StoredObject]:
        for page in self._pages(Prefix=self.prefix + prefix, Delimiter="/"):
            for folder in page.get("CommonPrefixes", ()):
                key = folder["Prefix"].removeprefix(self.prefix).removesuffix("/")
                yield StoredObject(key, 0, "", "folder" if is_safe_key(key) else "other")
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):
                    yield self._entry(found["Key"], found)

    def stat(self, key: str) -> StoredObject | None:
        at = self._at(key)
        try:
            with translate_s3_errors(key):
                head = self.s3.head_object(**at)
        except ObjectChanged:
            return None
        return StoredObject(key, head["ContentLength"], object_version(head))

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        return io.BufferedReader(S3ObjectStream(self.s3, self._at(key), key, version), 1 << 17)

    def put(
        self,
        key: str,
        data: bytes | Iterable[bytes],
        *,
        create_only: bool = False,
        durable: bool = True,  # noqa: ARG002  what S3 has answered is durable
    ) -> None:
        parts = iter((data,)) if isinstance(data, bytes) else _parts(data)
        first, second = next(parts, b""), next(parts, None)
        mark = uuid.uuid4().hex
        how = self._at(key) | self.options | {"Metadata": {_MARK: mark}} | _kind_of(key)
        if second is None:
            self._write(key, mark, create_only, lambda only: self.s3.put_object(**how, Body=first, **only))
        else:
            self._upload(key, mark, create_only, how, chain((first, second), parts))

    def sync(self, keys: Sequence[str]) -> None:
        """What S3 has answered is durable."""

    def copy(self, key: str, to: str) -> None:
        one_by_one = TransferConfig(use_threads=False)
        with translate_s3_errors(key):
            self.s3.copy(self._at(key), **self._at(to), ExtraArgs=self.options, Config=one_by_one)  # type: ignore[arg-type]  # the stubs want TypedDicts

    def move_into_place(self, staging: str, final: str, *, last: str) -> bool:
        if self.stat(final + last) is not None:
            return False
        for entry in self.list(staging):
            if entry.key != staging + last:
                self.copy(entry.key, final + entry.key.removeprefix(staging))
        if (content := read_object(self, staging + last)) is None:
            raise StoreError(f"{staging + last!r} is not there")
        try:
            self.put(final + last, content, create_only=True)
        except AlreadyExists:
            return False
        for entry in self.list(staging):
            with translate_s3_errors(entry.key):
                self.s3.delete_object(**self._at(entry.key))
        return True

    def delete(self, key: str, version: str | None = None) -> bool:
        now = self.stat(key)
        if now is None or version not in (None, now.version):
            return False
        pinned: dict[str, Any] = {"IfMatch": etag_of_version(version)} if version else {}
        try:
            with translate_s3_errors(key):
                self._delete(self._at(key), pinned)
        except ObjectChanged:
            return False
        return True

    def remove_empty_folders(self, prefix: str) -> None:
        """There are no folders in S3."""

    def free_bytes(self) -> int | None:
        return None

    def server_time(self) -> datetime | None:
        with translate_s3_errors(self.url):
            answer = self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return parsedate_to_datetime(told) if told else None

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket, "Key": self.prefix + require_safe_key(key)}

    def _pages(self, **where: Any) -> Iterator[Any]:
        pages = iter(self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, **where))
        while True:
            with translate_s3_errors(self.url):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _entry(self, key: str, found: Any) -> StoredObject:
        key = key.removeprefix(self.prefix)
        return StoredObject(key, found["Size"], object_version(found), "file" if is_safe_key(key) else "other")

    def _write(self, key: str, mark: str, create_only: bool, do: Any) -> None:
        """A write whose answer may be lost: one that finds its own object there has succeeded the time before."""
        for attempt in range(MAX_TRIES):
            try:
                with translate_s3_errors(key):
                    do({"IfNoneMatch": "*"} if create_only else {})
            except WriteConflict:
                sleep_before_retry(attempt)
            except ObjectChanged:
                if self._mark(key) == mark:
                    return
                if create_only:
                    raise AlreadyExists(f"{key!r} is already there") from None
                raise
            else:
                return
        raise StoreError(f"{key!r}: others write it all the time")

    def _upload(self, key: str, mark: str, create_only: bool, how: dict[str, Any], parts: Iterator[bytes]) -> None:
        with translate_s3_errors(key):
            upload = {"UploadId": self.s3.create_multipart_upload(**how)["UploadId"], **self._at(key)}
        try:
            done = []
            for number, part in enumerate(parts, 1):
                with translate_s3_errors(key):
                    answer = self.s3.upload_part(**upload, PartNumber=number, Body=part)
                done.append({"PartNumber": number, "ETag": answer["ETag"]})
            whole: Any = {"MultipartUpload": {"Parts": done}, **upload}
            self._write(key, mark, create_only, lambda only: self.s3.complete_multipart_upload(**whole, **only))
        except BaseException:
            with translate_s3_errors(key):
                self.s3.abort_multipart_upload(**upload)
            raise

    def _mark(self, key: str) -> str | None:
        try:
            with translate_s3_errors(key):
                return self.s3.head_object(**self._at(key))["Metadata"].get(_MARK)
        except ObjectChanged:
            return None

    def _delete(self, at: dict[str, Any], pinned: dict[str, Any]) -> None:
        try:
            self.s3.delete_object(**at, **pinned)
        except ClientError as e:
            if not pinned or error_code(e) not in ("NotImplemented", "501"):
                raise
            self.s3.delete_object(**at)


def _place(url: str) -> tuple[str, str, dict[str, str]]:
    """(bucket, prefix, encryption) of a store's URL. Raises StoreError, without the URL: a secret may be in it."""
    with suppress(ValueError):  # of either function, for what is no URL
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        if _BUCKET.fullmatch(parts.netloc) and set(options) <= set(_ENCRYPTION):
            path = parts.path.strip("/")
            return parts.netloc, f"{path}/" if path else "", options
    raise StoreError(
        f"expected s3://bucket/prefix, and behind a ? only {' and '.join(_ENCRYPTION)}, each with its value"
    )


def _kind_of(key: str) -> dict[str, str]:
    kind = _TYPES.get(key[key.rfind(".") :])
    return {"ContentType": kind} if kind else {}


def _parts(data: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of PART, the last one shorter."""
    part = bytearray()
    for block in data:
        part += block
        while len(part) >= PART_BYTES:
            yield bytes(part[:PART_BYTES])
            del part[:PART_BYTES]
    if part:
        yield bytes(part)
