"""Metrics over HTTP, as Prometheus reads them. They come from the ledger and include the work of all processes."""

from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.ledger.core.control_flags import pause_launching
from flows.operations.metrics import render_metrics
from flows.serving.site import report_site
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.samples import OPENED, http_carrier

GOOD = "5012149020,Customer Service\n"
BAD = "214-9021,Survey\n5012149021,Nonsense\n"


@pytest.fixture
def read_metrics(world):
    """Returns a function that reads the metrics over HTTP, as {name: {labels: value}}."""
    with report_site(world.reports, 0, partial(render_metrics, world.services)) as address:

        def read():
            with urlopen(f"{address}/metrics") as answer:
                assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
                families = list(text_string_to_metric_families(answer.read().decode()))
            return {
                sample.name: {**{tuple(s.labels.values()): s.value for s in family.samples if s.name == sample.name}}
                for family in families
                for sample in family.samples
            }

        yield read


def test_metrics_count_what_a_pass_did(world, read_metrics):
    world.drop("acme-bank/good", GOOD, schedule="{start: 2026-11-23T09:00Z, end: 2030-03-29T18:00Z}")
    world.drop("acme-bank/bad", BAD, reference="others")
    world.run()
    found = read_metrics()
    assert found["launchdrop_submissions_total"] == {("rejected",): 1, ("other",): 1}
    assert found["launchdrop_rows_total"] == {("accepted",): 1, ("rejected",): 2}
    errors = {
        rule: count for (rule, severity), count in found["launchdrop_findings_total"].items() if severity == "error"
    }
    assert sum(errors.values()) == 2
    assert all(rule.startswith(("NUM-", "PUR-")) for rule in errors)
    assert found["launchdrop_programs"] == {("live",): 1}
    assert found["launchdrop_numbers"] == {("live",): 1, ("pending",): 0, ("refused",): 0}
    assert set(found["launchdrop_carrier_errors_total"].values()) == {0}
    # The test clock moves only while a drop settles: by one second.
    assert found["launchdrop_intake_lag_seconds"] == {("0.5",): 1, ("0.95",): 1, ("1",): 1}
    assert found["launchdrop_launch_lateness_seconds"] == {("0.5",): 0, ("0.95",): 0, ("1",): 0}
    assert found["launchdrop_paused"] == {(): 0}


def test_metrics_show_what_is_waiting_and_how_long(world, read_metrics):
    world.drop("acme-bank/held", GOOD + BAD, on_rejected_rows="hold")
    name = "{display: Acme Cards Desk, shorthand: Acme Desk}"
    world.drop("acme-bank/custom", GOOD.replace("9020", "9030"), reference="custom", display_name=name)
    world.run()
    world.drop("acme-bank/arriving", GOOD)
    (world.inbox / "acme-bank/arriving/numbers.csv").unlink()
    world.run()
    with world.services.ledger.begin() as conn:
        pause_launching(conn, by="jo", why="a test", now=world.clock())
    world.clock.now += timedelta(minutes=2)
    found = read_metrics()
    assert found["launchdrop_waiting"] == {("arriving",): 1, ("launch",): 0, ("review",): 1, ("held",): 1}
    waits = found["launchdrop_waiting_seconds"]
    assert waits[("launch",)] == 0
    assert all(120 <= waits[(queue,)] <= 125 for queue in ("arriving", "review", "held"))
    assert found["launchdrop_paused"] == {(): 1}


def test_a_due_launch_that_has_not_happened_is_overdue(world, read_metrics):
    world.drop("acme-bank/good", GOOD)
    world.run()
    assert read_metrics()["launchdrop_waiting"][("launch",)] == 0
    world.clock.now = datetime(2030, 1, 7, 15, 10, tzinfo=UTC)
    found = read_metrics()
    assert found["launchdrop_waiting"][("launch",)] == 1
    assert found["launchdrop_waiting_seconds"][("launch",)] == 600


def test_labels_never_contain_a_business_program_or_number(world, samples, read_metrics):
    world.run()
    text = render_metrics(world.services).decode()
    for word in ("acme", "zenith", "collections", "501"):
        assert word not in text


def test_errors_of_the_carrier_are_counted_in_the_ledger(world, read_metrics):
    from dataclasses import replace

    endpoint = Endpoint(clock=world.clock)
    with endpoint.running():
        carrier = http_carrier(endpoint.url)
        world.services = replace(world.services, carrier=carrier)
    # The endpoint has stopped, so the carrier is down.
    world.drop("acme-bank/good", GOOD, schedule="{start: 2026-11-23T09:00Z, end: 2030-03-29T18:00Z}")
    world.run()
    while OPENED:
        OPENED.pop().close()
    assert read_metrics()["launchdrop_carrier_errors_total"] == {("down",): 1, ("refused",): 0, ("unsure",): 0}


def test_an_unreachable_ledger_is_answered_with_503():
    def broken():
        raise OSError("gone: 501-214-9020")

    with report_site(None, 0, broken) as address:
        assert error_status(f"{address}/metrics") == 503
        assert error_status(f"{address}/acme-bank/index.html") == 404
        assert error_status(Request(f"{address}/metrics", headers={"host": "evil.example"})) == 421


def error_status(request):
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    caught.value.close()
    return caught.value.code
