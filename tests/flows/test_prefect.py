"""The real flows on a real Prefect server: deployed from prefect.yaml, and run by a worker on their schedule."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.operations.doctor_checks import DEPLOYMENT_NAMES
from flows.serving.child_entry import NOT_NEEDED
from flows.serving.supervisor import running_prefect_server, supervised_module

ROOT = Path(__file__).parents[2]
#: Log lines of our own and of Prefect's logger, and an error that ends the run, all with a phone number.
LEAKY = """
import logging
from prefect import flow, get_run_logger
from flows.logs import configure_logging, log_context, masks_errors

@flow(name="leaky")
@masks_errors
def leaky():
    configure_logging("json", "info")
    with log_context(submission="20261124T201917Z-98765432"):
        logging.getLogger("flows.registration.drop").warning("own: %s", "501-214-9020")
    get_run_logger().error("prefect: %s", 5012149020)
    raise ValueError("cannot convert (501) 214-9020")

leaky()
"""
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def api(folder):
    """The address of a Prefect server with an empty work pool, and settings for the sample drops."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_up_samples(folder, monkeypatch)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setenv("PREFECT_HOME", str(folder / "prefect"))
        with running_prefect_server(folder, ports=[0]) as api, use_server(api):
            run_prefect("work-pool", "create", "launchdrop", "--type", "process")
            yield api


@pytest.fixture(scope="module")
def old_deployments(api):
    """{name: id} of deployments with the entrypoints from before the move, and a run requested from one of them."""
    with client_of(api) as client:
        ids = {}
        for name in DEPLOYMENT_NAMES:
            flow_id, old_entrypoint = client.create_flow_from_name(name), f"flows.{name}.{name}"
            ids[name] = client.create_deployment(
                flow_id, name, entrypoint=old_entrypoint, work_pool_name="launchdrop", work_queue_name="default"
            )
        run = client.create_flow_run_from_deployment(ids["launch"], name="requested before the upgrade")
    return {name: str(id) for name, id in ids.items()}, str(run.id)


@pytest.fixture(scope="module")
def stack(api, folder, old_deployments):
    """The server after an upgrade: the deployments of prefect.yaml and a process worker. All tests share it."""
    run_prefect("deploy", "--all", "--prefect-file", str(ROOT / "prefect.yaml"))
    worker = ["prefect", "worker", "start", "--pool", "launchdrop", "--type", "process"]
    with supervised_module(*worker, log_file=folder / "worker.log"):
        yield api


@contextmanager
def use_server(api):
    """Prefect read the environment when it was first imported, which may have been before."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}):
        yield


def set_up_samples(folder, monkeypatch):
    """Copy the sample drops into an inbox in this folder, and set all paths to it."""
    shutil.copytree(ROOT / "inbox", folder / "inbox")
    for name in ("inbox", "reports", "archive"):
        monkeypatch.setenv(f"LAUNCHDROP_{name.upper()}", str(folder / name))
    monkeypatch.setenv("LAUNCHDROP_LEDGER", f"sqlite:///{folder}/ledger.db")
    monkeypatch.chdir(folder)


def run_prefect(*arguments):
    # In the clone, like an operator: `deploy` imports modules from the current folder, and any reports/ there.
    done = subprocess.run([*PREFECT, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def ask(api, path, body):
    with client_of(api) as client:
        return client.request("POST", f"/{path}", json=body).json()


def client_of(api):
    """Prefect's own client. It retries when a server on SQLite answers that it is busy (503)."""
    from prefect.client.orchestration import SyncPrefectClient

    return SyncPrefectClient(api)


def completed_runs(api, deployment):
    body = {"deployments": {"name": {"any_": [deployment]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    return [run for run in ask(api, "flow_runs/filter", body) if run["auto_scheduled"]]


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(1)
    return condition()


def test_scheduled_runs_take_the_inbox_and_launch(stack, folder):
    """With the wrong version of SQLAlchemy, the scheduler silently fails at each pass."""
    runs = wait_for(lambda: completed_runs(stack, "intake"), 240)
    assert runs, (folder / "worker.log").read_text()[-2000:]
    late = datetime.fromisoformat(runs[0]["start_time"]) - datetime.fromisoformat(runs[0]["expected_start_time"])
    assert late < timedelta(seconds=30)
    assert (folder / "reports/acme-bank/drops/1-card-service/receipt.json").exists()

    def live():
        receipt = json.loads((folder / "reports/acme-bank/drops/1-card-service/receipt.json").read_text())
        return receipt["program_state"] == "live"

    assert wait_for(live, 150), "the launch deployment did not run on its schedule"


def test_deploying_again_replaces_the_old_deployments_in_place(stack, old_deployments):
    """As the operator's guide says: names and ids stay, and a run that was requested before uses the new entrypoint."""
    ids, run_id = old_deployments
    found = ask(stack, "deployments/filter", {"deployments": {"name": {"any_": list(DEPLOYMENT_NAMES)}}})
    assert {each["name"]: each["id"] for each in found} == ids
    assert {each["name"]: each["entrypoint"] for each in found} == {
        name: f"flows.{name}_flow.{name}" for name in DEPLOYMENT_NAMES
    }

    def state():
        (run,) = ask(stack, "flow_runs/filter", {"flow_runs": {"id": {"any_": [run_id]}}})
        return run["state"]["type"]

    assert wait_for(lambda: state() in ("COMPLETED", "CRASHED", "FAILED"), 120)
    assert state() == "COMPLETED"


def test_an_acceptance_requests_one_launch_run_at_each_start(stack, tmp_path, monkeypatch):
    """Even from another ledger: it is the same run that an acceptance of the worker requested."""
    from flows.notifying.launch_hints import request_launch_runs
    from flows.pipeline import take_inbox
    from flows.services import open_services
    from flows.settings import load_settings

    set_up_samples(tmp_path, monkeypatch)
    with open_services(load_settings()) as services:
        taken = take_inbox(services)
        starts = taken.upcoming_starts(after=services.clock())
        assert request_launch_runs(starts) == request_launch_runs(starts) == 3
    body = {"deployments": {"name": {"any_": ["launch"]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    far = {
        run["expected_start_time"]
        for run in ask(stack, "flow_runs/filter", body)
        if datetime.fromisoformat(run["expected_start_time"]) > datetime.now(UTC) + timedelta(days=365)
    }
    # `collections` and its correction have the same start, and so share a run.
    assert far == {"2035-01-08T15:00:00Z", "2035-03-05T15:30:00Z", "2035-05-07T16:00:00Z"}


def prefect_events(api, *names):
    """The events with these names that the server has, oldest first."""
    body = {"filter": {"event": {"name": list(names)}, "order": "ASC"}, "limit": 50}
    return ask(api, "events/filter", body)["events"]


def test_every_change_of_state_is_an_event(stack):
    """The worker's runs sent them for the samples that they took and launched."""

    def are_all_there():
        kinds = {
            event["event"] for event in prefect_events(stack, "launchdrop.revision.live", "launchdrop.review.requested")
        }
        return len(kinds) == 2

    assert wait_for(are_all_there, 240)
    live = prefect_events(stack, "launchdrop.revision.live")
    card_service = [
        e for e in live if e["resource"]["prefect.resource.id"] == "launchdrop.program.acme-bank/card-service"
    ]
    assert [e["payload"] for e in card_service] == [
        {
            "business": "acme-bank",
            "reference": "card-service",
            "revision": 1,
            "before": "launching",
            "after": "live",
            "cause": "accepted by the carrier",
        }
    ]
    assert [related["prefect.resource.id"] for related in card_service[0]["related"]] == [
        "launchdrop.business.acme-bank"
    ]
    verdicts = prefect_events(stack, "launchdrop.submission.accepted_with_rejections")
    assert verdicts
    assert "2149020" not in json.dumps([*live, *verdicts, *prefect_events(stack, "launchdrop.review.requested")])


@pytest.fixture
def services(stack, tmp_path, monkeypatch):
    """Services with another ledger, which send events to the same server."""
    from flows.services import open_services
    from flows.settings import load_settings

    set_up_samples(tmp_path, monkeypatch)
    with open_services(load_settings()) as opened:
        yield opened


def test_an_automation_notifies_and_another_launches(stack, services, tmp_path):
    """The example in flows/automations.yaml with a webhook, and the trigger in prefect.yaml."""
    from flows.ledger.core.control_flags import pause_launching, resume_launching
    from flows.notifying.prefect_events import send_new_events

    received, address = start_webhook_server()
    block = webhook_block(stack, address)
    rules = (ROOT / "flows/automations.yaml").read_text().replace("00000000-0000-0000-0000-000000000000", block)
    (tmp_path / "automations.yaml").write_text(rules)
    run_prefect("automation", "create", "--from-file", str(tmp_path / "automations.yaml"))
    time.sleep(2)  # the server's triggers see a new automation a moment later
    before = len(runs_started_by_automations(stack))
    with services.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="the carrier asked, call 501-214-9020", now=datetime.now(UTC))
    assert send_new_events(services) == 1
    assert send_new_events(services) == 0
    notification = {"text": "launching: paused (the carrier asked, call +1501•••9020)"}
    assert wait_for(lambda: notification in received, 60), received
    with services.ledger.begin() as conn:
        resume_launching(conn, by="jo", now=datetime.now(UTC))
    send_new_events(services)
    assert wait_for(lambda: len(runs_started_by_automations(stack)) > before, 60)
    assert received.count(notification) == 1


def test_an_event_that_is_sent_again_is_the_same_event(stack, services):
    from flows.ledger.core.control_flags import pause_launching, set_flag
    from flows.ledger.core.tables import move
    from flows.notifying.prefect_events import build_event, send_new_events

    with services.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="sent twice", now=datetime.now(UTC))
    send_new_events(services)
    with services.ledger.begin() as conn:  # as if this process had died before it could save the cursor
        set_flag(conn, "events", None)
        (row,) = conn.execute(move.select()).all()
    assert send_new_events(services) == 1
    events = wait_for(
        lambda: [e for e in prefect_events(stack, "launchdrop.launching.paused") if "sent twice" in str(e)], 30
    )
    time.sleep(2)
    events = [e for e in prefect_events(stack, "launchdrop.launching.paused") if "sent twice" in str(e)]
    assert [e["id"] for e in events] == [build_event(row)["id"]]


def test_a_pass_sends_so_many_events_and_the_next_one_the_rest(services, monkeypatch):
    from flows.ledger.core.control_flags import pause_launching, resume_launching
    from flows.notifying import prefect_events

    monkeypatch.setattr(prefect_events, "EVENTS_PER_REQUEST", 2)
    monkeypatch.setattr(prefect_events, "MAX_EVENTS_PER_PASS", 4)
    with services.ledger.begin() as conn:
        for _ in range(3):
            pause_launching(conn, by="jo", why="back and forth", now=datetime.now(UTC))
            resume_launching(conn, by="jo", now=datetime.now(UTC))
    assert [prefect_events.send_new_events(services) for _ in range(3)] == [4, 2, 0]


def test_a_server_that_was_away_gets_its_events_later(services):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.ledger.core.control_flags import pause_launching
    from flows.notifying.prefect_events import send_new_events

    with services.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="while it was away", now=datetime.now(UTC))
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert send_new_events(services) == 0
    assert wait_for(lambda: send_new_events(services) == 1, 120)  # it does not wait for a slow server


def test_a_pass_by_hand_is_recorded_as_a_run(stack, tmp_path, monkeypatch):
    set_up_samples(tmp_path, monkeypatch)
    monkeypatch.setenv("PREFECT_API_URL", stack)
    launchdrop = Path(sys.executable).with_name("launchdrop")
    done = subprocess.run([launchdrop, "run"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr  # two reviews wait
    (run,) = ask(stack, "flow_runs/filter", {"flows": {"name": {"any_": ["pass"]}}})
    assert run["state"]["type"] == "COMPLETED"


def test_the_server_s_pages_show_no_phone_number(stack, tmp_path):
    more = {"PREFECT_LOGGING_EXTRA_LOGGERS": "flows", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", LEAKY], env=os.environ | more, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    (run,) = ask(stack, "flow_runs/filter", {"flows": {"name": {"any_": ["leaky"]}}})
    assert run["state"]["message"].endswith("ValueError: cannot convert +1501•••9020")

    def logged():
        found = ask(stack, "logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}})
        return [line["message"] for line in found] if len(found) >= 4 else []

    lines = wait_for(logged, 30)
    assert "own: +1501•••9020" in lines
    assert "prefect: +1501•••9020" in lines
    for text in (*lines, done.stdout, done.stderr):
        assert not re.search("501[^0-9•]*214", text), text
    assert "20261124T201917Z-98765432" in done.stderr


def start_webhook_server():
    """Start a server on a free port. Returns the list of what is posted to it, and its address."""
    received = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return received, f"http://127.0.0.1:{server.server_address[1]}/"


def webhook_block(api, address):
    """Create a block of type Webhook on the server, as in its UI. Returns its id."""
    from prefect.blocks.webhook import Webhook

    return str(Webhook(method="POST", url=address).save("launchdrop-test", overwrite=True))


def runs_started_by_automations(api):
    runs = ask(api, "flow_runs/filter", {"deployments": {"name": {"any_": ["launch"]}}})
    return [run for run in runs if (run["created_by"] or {}).get("type") == "AUTOMATION"]


def test_the_doctor_finds_no_fault_with_server_deployments_and_worker(stack, services):
    from flows.operations.doctor import run_checks

    def well():
        lines = {line.name: line for line in run_checks()}
        return lines if all(line.ok for line in lines.values()) else None

    lines = wait_for(well, 60)
    assert lines, [line for line in run_checks() if not line.ok]
    assert lines["deployments"].message == "intake, launch, nightly; a worker polls for their runs"
    assert lines["clocks"].message == "Prefect server and this machine agree"


def test_serve_does_not_replace_deployments_that_workers_use(stack):
    before = deployed(stack)
    env = os.environ | {"PYTHONSAFEPATH": "1"}  # as `serve` starts it, where a folder reports/ may be the current one's
    done = subprocess.run(
        [sys.executable, "-m", "flows.serving.deployments"], env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (NOT_NEEDED, "")
    assert deployed(stack) == before
    assert {pool for pool, _ in before.values()} == {"launchdrop"}


def deployed(api):
    found = ask(api, "deployments/filter", {"deployments": {"name": {"any_": list(DEPLOYMENT_NAMES)}}})
    return {each["name"]: (each["work_pool_name"], each["entrypoint"]) for each in found}


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_pools_of_other_types_can_be_created_and_deployed_to(stack, kind, tmp_path):
    """The server accepts the templates, and `prefect.yaml` works for a pool of any type."""
    template = str(ROOT / f"flows/pools/{kind}.json")
    run_prefect("work-pool", "create", f"on-{kind}", "--type", kind, "--base-job-template", template)
    there = tmp_path / "prefect.yaml"
    there.write_text(
        (ROOT / "prefect.yaml")
        .read_text()
        .replace("name: launchdrop\n    work_queue", f"name: on-{kind}\n    work_queue")
    )
    there.write_text(
        re.sub(r"- name: (intake|launch|nightly)$", rf"- name: \1-{kind}", there.read_text(), flags=re.MULTILINE)
    )
    run_prefect("deploy", "--all", "--prefect-file", str(there))
    body = {"deployments": {"name": {"any_": [f"{name}-{kind}" for name in ("intake", "launch", "nightly")]}}}
    found = ask(stack, "deployments/filter", body)
    assert {deployment["work_pool_name"] for deployment in found} == {f"on-{kind}"}
    assert len(found) == 3
    with client_of(stack) as client:
        for deployment in found:  # no worker executes their runs
            client.delete_deployment(deployment["id"])


def test_a_docker_pool_s_secrets_are_on_the_server_and_only_resolved_for_a_run(stack):
    import asyncio

    from prefect.blocks.system import Secret
    from prefect.client.orchestration import get_client
    from prefect.workers.base import BaseJobConfiguration

    for name in ("ledger", "s3-key-id", "s3-key"):
        Secret(value=f"value of {name}").save(f"launchdrop-{name}", overwrite=True)
    template = json.loads((ROOT / "flows/pools/docker.json").read_text())

    async def resolved():
        async with get_client() as client:
            values = {"env": {"PREFECT_LOGGING_EXTRA_LOGGERS": "flows"}, "command": "prefect flow-run execute"}
            return await BaseJobConfiguration.from_template_and_values(template, values, client=client)

    env = asyncio.run(resolved()).env
    assert env["LAUNCHDROP_LEDGER"] == "value of ledger"
    assert env["AWS_SECRET_ACCESS_KEY"] == "value of s3-key"
    assert env["LAUNCHDROP_INBOX"] == "s3://launchdrop/inbox"
    assert env["PREFECT_LOGGING_EXTRA_LOGGERS"] == "flows"
