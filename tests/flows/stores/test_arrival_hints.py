"""Hints may be duplicated, reordered, lost or meaningless."""

import json
import threading
import time
from datetime import timedelta
from itertools import count

import boto3
import pytest
import watchfiles
from watchfiles import Change

from flows.stores import StoreError
from flows.stores.arrival_hints import watch_folder, watch_queue

_queues = count()


def collect(hints, stop, enough, seconds=20):
    """All hints until they include `enough`."""
    found, end = set(), time.monotonic() + seconds
    for hint in hints:
        found |= hint
        if enough <= found or time.monotonic() > end:
            stop.set()
            break
    return found


def test_changes_in_a_folder_are_hints(tmp_path):
    (tmp_path / "acme/old").mkdir(parents=True)
    stop, found = threading.Event(), set()
    wanted = {("acme", "new"), ("acme", "old"), ("zenith", "d")}
    watcher = threading.Thread(
        target=lambda: found.update(collect(watch_folder(tmp_path, stop, every=timedelta(seconds=0.2)), stop, wanted))
    )
    watcher.start()
    for _ in range(50):
        (tmp_path / "acme/old/numbers.csv").write_text("x")
        (tmp_path / "acme/new").mkdir(exist_ok=True)
        (tmp_path / "acme/new/x.csv").write_text("x")
        (tmp_path / "zenith/d").mkdir(parents=True, exist_ok=True)
        (tmp_path / "zenith/d/x.csv").write_text("x")
        (tmp_path / "businesses.yaml").write_text("x")
        watcher.join(0.1)
        if not watcher.is_alive():
            break
    watcher.join(10)
    assert not watcher.is_alive()
    assert found == wanted


def test_a_folder_moved_into_the_inbox_hints_at_all_its_drops(tmp_path):
    (inbox := tmp_path / "inbox").mkdir()
    (tmp_path / "acme/one").mkdir(parents=True)
    (tmp_path / "acme/two").mkdir()
    stop = threading.Event()
    hints = watch_folder(inbox, stop, every=timedelta(seconds=0.2))
    assert next(hints) == set()
    (tmp_path / "acme").rename(inbox / "acme")
    assert collect(hints, stop, {("acme", "one"), ("acme", "two")}) == {("acme", "one"), ("acme", "two")}


def test_files_put_in_a_new_folder_before_its_watch_starts_are_hinted_at(tmp_path, monkeypatch):
    def watch(*_, **__):
        (tmp_path / "acme").mkdir()
        yield {(Change.added, f"{tmp_path}/acme"), (Change.added, f"{tmp_path}/businesses.yaml")}
        (tmp_path / "acme/d").mkdir()
        yield set()
        yield set()

    monkeypatch.setattr(watchfiles, "watch", watch)
    hints = watch_folder(tmp_path, threading.Event(), every=timedelta(seconds=1))
    assert list(hints) == [set(), {("acme", "d")}, set()]


def test_a_folder_that_cannot_be_watched_is_an_error_of_one_line(tmp_path):
    with pytest.raises(StoreError, match="cannot be watched"):
        next(watch_folder(tmp_path / "none", threading.Event(), every=timedelta(seconds=1)))


def test_an_unchanged_folder_yields_empty_sets_until_stopped(tmp_path):
    stop = threading.Event()
    hints = watch_folder(tmp_path, stop, every=timedelta(seconds=0.1))
    assert next(hints) == set()
    stop.set()
    assert list(hints) in ([], [set()])


@pytest.fixture
def queue(s3_env):
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=f"events-{next(_queues)}")["QueueUrl"]
    yield sqs, url
    sqs.close()


def event(bucket, key):
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}


@pytest.mark.server
def test_events_of_a_bucket_are_hints(queue, s3, bucket):
    sqs, url = queue
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    s3.put_object(Bucket=bucket, Key="in/acme/spring 2027/program.yaml", Body=b"x")
    s3.put_object(Bucket=bucket, Key="elsewhere/acme/d/program.yaml", Body=b"x")
    stop = threading.Event()
    assert collect(watch_queue(url, f"s3://{bucket}/in", stop, sqs), stop, {("acme", "spring 2027")}) == {
        ("acme", "spring 2027")
    }


@pytest.mark.server
def test_duplicate_wrapped_and_meaningless_messages(queue):
    sqs, url = queue
    bodies = [
        event("b", "acme/d+1/x%2By.csv"),
        event("b", "acme/d+1/x%2By.csv"),
        {"Message": json.dumps(event("b", "acme/sns/x"))},
        {"detail": {"bucket": {"name": "b"}, "object": {"key": "acme/bridge+/x"}}},
        {"Event": "s3:TestEvent"},
        event("another", "acme/no/x"),
        event("b", "businesses.yaml"),
        {"Records": "nonsense"},
        [],
    ]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    sqs.send_message(QueueUrl=url, MessageBody="no json")
    stop, found = threading.Event(), set()
    for hint in watch_queue(url, "s3://b", stop, sqs):
        found |= hint
        if not hint:
            stop.set()
    assert found == {("acme", "d 1"), ("acme", "sns"), ("acme", "bridge+")}
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")


@pytest.mark.server
def test_a_missing_queue_is_an_error_of_one_line(queue):
    sqs, url = queue
    with pytest.raises(StoreError, match="the event queue cannot be read"):
        next(watch_queue(url + "-not", "s3://b", threading.Event(), sqs))
