"""Metrics over HTTP, as Prometheus reads them: from the ledger, whoever did the work."""

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
def served(world):
    """The metrics over HTTP, as {name: {labels: value}}."""
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


def test_what_a_pass_did_is_counted_whoever_made_it(world, served):
    world.drop("acme-bank/good", GOOD, schedule="{start: 2026-11-23T09:00Z, end: 2030-03-29T18:00Z}")
    world.drop("acme-bank/bad", BAD, reference="others")
    world.run()
    found = served()
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
    # The clock of the test stands while a drop settles and moves on by that: one second.
    assert found["launchdrop_intake_lag_seconds"] == {("0.5",): 1, ("0.95",): 1, ("1",): 1}
    assert found["launchdrop_launch_lateness_seconds"] == {("0.5",): 0, ("0.95",): 0, ("1",): 0}
    assert found["launchdrop_paused"] == {(): 0}


def test_what_waits_is_shown_with_how_long(world, served):
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
    found = served()
    assert found["launchdrop_waiting"] == {("arriving",): 1, ("launch",): 0, ("review",): 1, ("held",): 1}
    waits = found["launchdrop_waiting_seconds"]
    assert waits[("launch",)] == 0
    assert all(120 <= waits[(queue,)] <= 125 for queue in ("arriving", "review", "held"))
    assert found["launchdrop_paused"] == {(): 1}


def test_a_launch_that_is_due_and_not_done_is_overdue(world, served):
    world.drop("acme-bank/good", GOOD)
    world.run()
    assert served()["launchdrop_waiting"][("launch",)] == 0
    world.clock.now = datetime(2030, 1, 7, 15, 10, tzinfo=UTC)
    found = served()
    assert found["launchdrop_waiting"][("launch",)] == 1
    assert found["launchdrop_waiting_seconds"][("launch",)] == 600


def test_no_label_names_a_business_a_program_or_a_number(world, samples, served):
    world.run()
    text = render_metrics(world.services).decode()
    for word in ("acme", "zenith", "collections", "501"):
        assert word not in text


def test_the_carrier_s_errors_are_counted_in_the_ledger(world, served):
    from dataclasses import replace

    endpoint = Endpoint(clock=world.clock)
    with endpoint.running():
        carrier = http_carrier(endpoint.url)
        world.services = replace(world.services, carrier=carrier)
    # It has gone away: nobody listens there any more.
    world.drop("acme-bank/good", GOOD, schedule="{start: 2026-11-23T09:00Z, end: 2030-03-29T18:00Z}")
    world.run()
    while OPENED:
        OPENED.pop().close()
    assert served()["launchdrop_carrier_errors_total"] == {("down",): 1, ("refused",): 0, ("unsure",): 0}


def test_a_ledger_out_of_reach_is_an_answer_too():
    def broken():
        raise OSError("gone: 501-214-9020")

    with report_site(None, 0, broken) as address:
        assert refused(f"{address}/metrics") == 503
        assert refused(f"{address}/acme-bank/index.html") == 404
        assert refused(Request(f"{address}/metrics", headers={"host": "evil.example"})) == 421


def refused(asked):
    with pytest.raises(HTTPError) as told:
        urlopen(asked)
    told.value.close()
    return told.value.code
