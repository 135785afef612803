"""The whole stack: PostgreSQL, S3 with SQS, a Prefect server with a worker, Dask, and a carrier; with faults.

A hundred drops arrive in a bucket. The deployments of prefect.yaml take and launch them, while Dask workers are killed
and the carrier fails at random. At the end the ledger, the reports and the carrier's book agree.
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from subprocess import run as call

import boto3
import pytest
from distributed import Client, LocalCluster
from moto.server import ThreadedMotoServer
from sqlalchemy import create_engine, text

from flows.ledger.core.engine import Ledger
from flows.ledger.read.page_queries import list_programs, stream_live_numbers
from flows.serving.supervisor import running_prefect_server, supervised_module
from flows.stores import read_object
from flows.stores.arrival_hints import watch_queue
from flows.stores.s3 import S3Store
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.fake_server import random_faults
from tests.flows.ledger.postgres import POSTGRES_MISSING, find_postgres_binaries, running_postgres
from tests.flows.sample_drops import ROOT, manifest

DROPS = 100
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]

pytestmark = [
    pytest.mark.soak,
    pytest.mark.server,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def stack(tmp_path):
    """Start everything, and set the environment for the processes that the test starts."""
    if find_postgres_binaries() is None:
        pytest.fail(POSTGRES_MISSING) if os.environ.get("CI") == "true" else pytest.skip(POSTGRES_MISSING)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.chdir(tmp_path)
        postgres = stack.enter_context(running_postgres())
        for name in ("ledger", "prefect"):
            create_database(postgres, name)
        endpoint = stack.enter_context(Endpoint().running())
        endpoint.faults = random_faults(11, 0.1)
        endpoint.slow_seconds = 0.1
        queue = stack.enter_context(s3_and_sqs(patch))
        settings = {
            **{name: f"s3://drops/{name}" for name in ("inbox", "reports", "archive")},
            "ledger": postgres.format("ledger"),
            "events": queue,
            "carrier": "http",
            "http_url": endpoint.url,
            "http_secret": endpoint.secret,
            "http_timeout": "2s",
            "settle": "0",
        }
        dask = stack.enter_context(
            LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")
        )
        for name, value in (settings | {"task_runner": dask.scheduler_address}).items():
            patch.setenv(f"LAUNCHDROP_{name.upper()}", value)
        database = postgres.format("prefect").replace("+psycopg", "+asyncpg")
        patch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", database)
        patch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
        patch.delenv("PREFECT_API_URL", raising=False)
        stack.enter_context(running_prefect_server(tmp_path))
        run_prefect("work-pool", "create", "launchdrop", "--type", "process")
        run_prefect("deploy", "--all", "--prefect-file", str(ROOT / "prefect.yaml"))
        worker = ["prefect", "worker", "start", "--pool", "launchdrop", "--type", "process"]
        stack.enter_context(supervised_module(*worker, log_file=tmp_path / "worker.log"))
        ledger = Ledger.open(settings["ledger"])
        stack.callback(ledger.close)
        yield ledger, endpoint, dask, queue


def create_database(postgres, name):
    admin = create_engine(postgres.format("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"create database {name}"))
    admin.dispose()


@contextmanager
def s3_and_sqs(patch):
    """A bucket that sends its events to a queue. Yields the queue's URL."""
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        patch.setenv(f"AWS_{name}", value)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    s3.create_bucket(Bucket="drops")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    notifications = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="drops", NotificationConfiguration=notifications)
    yield url
    s3.close()
    sqs.close()
    moto.stop()


def run_prefect(*arguments):
    done = call([*PREFECT, *arguments], capture_output=True, text=True, timeout=180, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr


def drop(inbox, place, now):
    """One of a hundred drops. Most are good; some have bad rows, are rejected, or are another one's next revision."""
    first = 5_012_000_000 + 100 * place
    rows = [f"{first + n},Customer Service\n" for n in range(40)]
    changes = {"reference": f"r{place}"}
    kind = place % 10
    if kind == 3:
        changes["manifest"] = "7"
    if kind == 5:
        rows[::7] = ["call me,Survey\n"] * len(rows[::7])
    if kind == 8:
        changes["reference"] = f"r{place - 1}"
    start, end = (f"{at:%Y-%m-%dT%H:%MZ}" for at in (now - timedelta(hours=1), now + timedelta(days=90)))
    changes["schedule"] = "{start: " + start + ", end: " + end + "}"
    name = f"acme-bank/d{place:03d}"
    inbox.put(f"{name}/numbers.csv", "".join(rows).encode())
    inbox.put(f"{name}/program.yaml", manifest("acme-bank", **changes).encode())


def run_now(deployment):
    """Start a run and wait for its end. It may be canceled if a scheduled run is in progress."""
    from prefect.deployments import run_deployment

    return run_deployment(deployment, timeout=45, poll_interval=1, as_subflow=False).state


def drops_in(queue):
    """The drops that the bucket's events are about."""
    stop, found = threading.Event(), set()
    for hints in watch_queue(queue, "s3://drops/inbox", stop):
        found |= hints
        if not hints:
            stop.set()
    return found


@contextmanager
def workers_killed(dask, killed_pids):
    """Three times, kill one of two busy workers at a random moment."""
    done, dice = threading.Event(), random.Random(5)

    def kill():
        with Client(dask) as client:
            while len(killed_pids) < 3 and not done.wait(dice.uniform(0.2, 1.0)):
                busy = any(client.processing().values())
                pids = [pid for pid in client.run(os.getpid, on_error="ignore").values() if isinstance(pid, int)]
                if busy and len(pids) == 2:
                    killed_pids.append(dice.choice(pids))
                    os.kill(killed_pids[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        done.set()
        killer.join()


def repeat_until(condition, seconds, action, describe=lambda: None):
    """Repeat an action until the condition holds. `describe` returns what an error shows."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        action()
    assert condition(), describe()


def test_a_hundred_drops_through_everything(stack, tmp_path):
    ledger, endpoint, dask, queue = stack
    inbox, reports = S3Store("s3://drops/inbox"), S3Store("s3://drops/reports")
    inbox.put("businesses.yaml", (ROOT / "inbox/businesses.yaml").read_bytes())
    now, pids = datetime.now(UTC), []
    for place in range(DROPS):
        drop(inbox, place, now)
    assert len(drops_in(queue)) == DROPS

    def receipts():
        keys = [entry.key for entry in reports.list("acme-bank/drops/")]
        return [json.loads(read_object(reports, key)) for key in keys if key.endswith("receipt.json")]

    def live():
        with ledger.read() as conn:
            found = list_programs(conn)
        return len(found) == 80 and all((p.state, p.pending) == ("live", 0) for p in found)

    def states():
        return Counter(r["program_state"] for r in receipts())

    with workers_killed(dask, pids):
        repeat_until(lambda: len(receipts()) == DROPS, 300, lambda: run_now("intake/intake"))
    repeat_until(live, 300, lambda: run_now("launch/launch"))
    repeat_until(lambda: states()["live"] == 90, 180, lambda: time.sleep(1), states)
    log = (tmp_path / "worker.log").read_text()
    assert pids, log[-3000:]

    final = receipts()
    assert Counter(r["verdict"] for r in final) == {"accepted": 80, "accepted_with_rejections": 10, "rejected": 10}
    with ledger.read() as conn:
        numbers = [(f"{n.business}~{n.reference}", n.number) for n in stream_live_numbers(conn)]
    booked = [(id, number) for id, program in endpoint.programs.items() for number in program.numbers]
    assert sorted(numbers) == sorted(booked)
    assert len(numbers) == sum(r["counts"]["accepted"] for r in final if r["verdict"] != "rejected")
    assert {count for program in endpoint.programs.values() for count in program.arrivals.values()} == {1}
    for receipt in final:
        report = json.loads(read_object(reports, f"acme-bank/{receipt['submission']}/report.json"))
        assert (report["verdict"], report["counts"]) == (receipt["verdict"], receipt["counts"])
        assert reports.stat(f"acme-bank/{receipt['submission']}/report.html")
    assert endpoint.violations == []
    shutil.rmtree(tmp_path / "prefect", ignore_errors=True)
