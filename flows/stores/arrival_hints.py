"""Hints that something may have arrived in the inbox, so that drops are taken within moments.

Hints may be lost, duplicated or reordered: a regular scan of the whole inbox finds everything anyway. Each generator
yields sets of (business, drop), or an empty set when only time has passed, and ends soon after its event is set.
"""

import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlsplit

from flows.stores import StoreError

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

log = logging.getLogger(__name__)

DropHints = set[tuple[str, str]]

#: Seconds that an SQS request waits for messages. Stopping may take as long.
_POLL_SECONDS = 2
_DEBOUNCE_MS = 50


def watch_folder(root: str | Path, stop: threading.Event, *, every: timedelta) -> Iterator[DropHints]:
    """Hints from the operating system's file notifications; an empty set after `every` without changes.

    Raises StoreError if the system cannot watch the folder (it does not exist, or no watches are left); the caller then
    has to rely on scans. Network file systems do not report the changes that other machines make.
    """
    from watchfiles import Change, watch  # saves start-up time: only `serve` watches

    root = Path(root).resolve()
    if not root.is_dir():
        raise StoreError(f"{root} cannot be watched: no such folder")
    timeout = max(1, int(every.total_seconds() * 1000))
    added_before: set[Path] = set()
    try:
        for changes in watch(
            root,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_DEBOUNCE_MS,
            stop_event=stop,
            rust_timeout=timeout,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            hints = {drop for _, path in changes if (drop := _drop_of_key(path.removeprefix(f"{root}/")))}
            # The watch on a new folder starts a moment after the folder is created, and misses what was put there
            # before. So list it now, and again with the next changes or timeout, when the watch is certain to run.
            added = {Path(path) for change, path in changes if change == Change.added and Path(path).parent == root}
            yield hints.union(*map(_list_drops, added | added_before))
            added_before = added
    except (OSError, RuntimeError) as e:
        raise StoreError(f"{root} cannot be watched: {e}") from e


def watch_queue(
    queue_url: str, inbox_url: str, stop: threading.Event, sqs: "SQSClient | None" = None
) -> Iterator[DropHints]:
    """Hints from S3 event messages in an SQS queue about the inbox `s3://bucket/prefix`; an empty set if none arrive.

    A message is deleted after its drop was looked at, that is, when the caller asks for the next set. Messages that are
    not S3 events are deleted too. Raises StoreError if the queue cannot be reached; a new call tries again.
    """
    import boto3  # saves start-up time: only an inbox in S3 needs it
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(inbox_url)
    bucket, prefix = parts.netloc, f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
    try:
        queue = sqs or boto3.session.Session().client("sqs")
        while not stop.is_set():
            answer = queue.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=_POLL_SECONDS)
            messages = answer.get("Messages", [])
            yield {drop for message in messages for drop in _drops_of_message(message["Body"], bucket, prefix)}
            for message in messages:
                queue.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    except (BotoCoreError, ClientError) as e:
        raise StoreError(f"the event queue cannot be read: {e}".splitlines()[0]) from e


def count_queued_events(queue_url: str) -> int:
    """The approximate number of messages in an SQS queue. Raises StoreError if it cannot be reached."""
    import boto3  # as above
    from botocore.exceptions import BotoCoreError, ClientError

    names: Any = ["ApproximateNumberOfMessages"]
    try:
        answer = boto3.session.Session().client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    except (BotoCoreError, ClientError) as e:
        raise StoreError(f"the event queue cannot be read: {e}".splitlines()[0]) from e
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _drops_of_message(body: str, bucket: str, prefix: str) -> DropHints:
    """The drops that an event message is about: S3's own format, wrapped by SNS, or EventBridge's."""
    try:
        return {
            drop
            for event_bucket, key in _objects_of_event(json.loads(body))
            if event_bucket == bucket and key.startswith(prefix) and (drop := _drop_of_key(key.removeprefix(prefix)))
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("a message in the event queue is not an S3 event; it was deleted")
        return set()


def _objects_of_event(event: Any) -> Iterator[tuple[str, str]]:
    """(bucket, key) of each object in an event."""
    if "Message" in event:  # SNS
        yield from _objects_of_event(json.loads(event["Message"]))
    elif "detail" in event:  # EventBridge, where keys are not URL-encoded
        yield event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    for record in event.get("Records", ()):
        yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])


def _list_drops(business: Path) -> DropHints:
    """The entries of a business's folder; none if it is a file or was deleted."""
    try:
        return {(business.name, drop.name) for drop in business.iterdir()}
    except OSError:
        return set()


def _drop_of_key(key: str) -> tuple[str, str] | None:
    """(business, drop) of a file in a drop or of the drop's folder; None for entries directly in the inbox."""
    parts = key.split("/")
    return (parts[0], parts[1]) if len(parts) > 1 and parts[0] and parts[1] else None
