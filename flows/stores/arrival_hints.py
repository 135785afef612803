"""Hints that something may have arrived: they make looking quick; losing, doubling or reordering them costs nothing.

Each generator gives sets of (business, drop), or an empty set when it only knows that time has passed, and ends soon
after its event is set. Sweeps over the whole inbox stay the truth.
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

#: Seconds an SQS request waits for messages, which is also how long stopping may take.
_WAIT = 2
_DEBOUNCE_MS = 50


def watch_folder(root: str | Path, stop: threading.Event, *, every: timedelta) -> Iterator[DropHints]:
    """What the system's file notification tells of a folder; an empty set after `every` without news.

    Raises StoreError where the system cannot watch (no such folder, no watches left): then sweep alone. Network file
    systems tell nothing of what other machines do.
    """
    from watchfiles import Change, watch

    root = Path(root).resolve()
    if not root.is_dir():
        raise StoreError(f"{root} cannot be watched: there is no such folder")
    timeout = max(1, int(every.total_seconds() * 1000))
    before: set[Path] = set()
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
            hints = {drop for _, path in changes if (drop := _drop_of(path.removeprefix(f"{root}/")))}
            # A new folder is watched a moment after it was made, and tells nothing of what came into it before that:
            # it is looked into, and once more with the next news or time-out, when the watch is surely there.
            new = {Path(path) for change, path in changes if change == Change.added and Path(path).parent == root}
            yield hints.union(*map(_drops_in, new | before))
            before = new
    except (OSError, RuntimeError) as e:
        raise StoreError(f"{root} cannot be watched: {e}") from e


def watch_queue(
    queue_url: str, inbox_url: str, stop: threading.Event, sqs: "SQSClient | None" = None
) -> Iterator[DropHints]:
    """What S3's event messages in an SQS queue tell of the inbox `s3://bucket/prefix`; an empty set when none came.

    A message is deleted once what it hints at was looked at, that is when the next set is asked for. One that is no S3
    event is deleted as well. Raises StoreError when the queue cannot be reached: the next call tries again.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(inbox_url)
    bucket, prefix = parts.netloc, f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
    try:
        queue = sqs or boto3.session.Session().client("sqs")
        while not stop.is_set():
            found = queue.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT)
            messages = found.get("Messages", [])
            yield {drop for message in messages for drop in _drops_of(message["Body"], bucket, prefix)}
            for message in messages:
                queue.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    except (BotoCoreError, ClientError) as e:
        raise StoreError(f"the queue of events cannot be read: {e}".splitlines()[0]) from e


def count_queued_events(queue_url: str) -> int:
    """About how many messages wait in an SQS queue. Raises StoreError when it cannot be reached."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    asked: Any = ["ApproximateNumberOfMessages"]
    try:
        found = boto3.session.Session().client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=asked)
    except (BotoCoreError, ClientError) as e:
        raise StoreError(f"the queue of events cannot be read: {e}".splitlines()[0]) from e
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def _drops_of(body: str, bucket: str, prefix: str) -> DropHints:
    """The drops an event message speaks of: S3's own, wrapped by SNS, or EventBridge's. Others speak of none."""
    try:
        return {
            drop
            for there, key in _objects(json.loads(body))
            if there == bucket and key.startswith(prefix) and (drop := _drop_of(key.removeprefix(prefix)))
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("a message that is no S3 event was taken from the queue and dropped")
        return set()


def _objects(event: Any) -> Iterator[tuple[str, str]]:
    if "Message" in event:  # SNS
        yield from _objects(json.loads(event["Message"]))
    elif "detail" in event:  # EventBridge: keys as they are
        yield event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    for record in event.get("Records", ()):
        yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])


def _drops_in(business: Path) -> DropHints:
    """Whatever lies in a business's folder; nothing, where it is a file, or gone already."""
    try:
        return {(business.name, drop.name) for drop in business.iterdir()}
    except OSError:
        return set()


def _drop_of(key: str) -> tuple[str, str] | None:
    """(business, drop) of a key, also of a drop's folder itself; what is right in the inbox belongs to none."""
    parts = key.split("/")
    return (parts[0], parts[1]) if len(parts) > 1 and parts[0] and parts[1] else None
