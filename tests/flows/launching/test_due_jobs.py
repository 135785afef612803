"""Jobs for the embedded carrier and for an operator's endpoint: on time, once, and continued if interrupted."""

from datetime import timedelta

import numpy as np
import pytest

from flows.carriers import CarrierRefused
from flows.launching.due_jobs import JOBS_PER_TURN, allowed_delay
from flows.ledger.core.control_flags import pause_launching, resume_launching
from flows.ledger.programs.businesses import record_businesses
from flows.ledger.programs.programs import retry_launch
from flows.ledger.programs.reviews import decide_review, list_open_reviews
from flows.ledger.read.page_queries import list_refused_numbers
from schemas.model.business import Business, DisplayName
from tests.flows.launching.conftest import HOUR, is_idle
from tests.flows.launching.programs import NOON, SURVEY, make_manifest, make_numbers, register_program

SECOND = timedelta(seconds=1)


def requests(endpoint) -> list[str]:
    """The requests, without the start of the path, which is always the same."""
    return [f"{method} {path.removeprefix('/v1/programs')}" for method, path in endpoint.requests]


@pytest.fixture(params=["local", "remote"])
def launcher(request):
    return request.getfixturevalue(request.param)


def test_nothing_goes_live_before_its_start(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.clock.now = NOON - SECOND
    assert is_idle(launcher.run_pass())
    assert launcher.state().state == "scheduled"
    launcher.clock.now = NOON
    assert launcher.run_pass().live == 1
    row = launcher.state()
    assert (row.state, row.live, row.pending) == ("live", 3, 0)
    assert is_idle(launcher.run_pass())


def test_a_launch_after_the_deadline_is_missed_and_can_be_retried(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.clock.now = NOON + 24 * HOUR + SECOND
    assert launcher.run_pass().missed == 1
    assert launcher.state().state == "missed"
    with launcher.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=launcher.clock())
    assert launcher.run_pass().live == 1


def test_a_missed_start_is_held_with_that_setting(launcher):
    assert allowed_delay("launch_late", 24 * HOUR) == 24 * HOUR
    short = allowed_delay("hold", 24 * HOUR)
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.clock.now = NOON + HOUR
    assert launcher.run_pass(allowed_delay=short).missed == 1


def test_a_program_ends_at_its_end_and_frees_its_numbers(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.run_pass()
    launcher.clock.advance(100 * HOUR)
    assert launcher.run_pass().ended == 1
    assert launcher.state().state == "ended"
    register_program(
        launcher.ledger, make_manifest("q2", start=launcher.clock() + HOUR), make_numbers(3), now=launcher.clock()
    )


def test_a_pause_stops_launches_but_not_endings(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.run_pass()
    register_program(launcher.ledger, make_manifest("q2"), make_numbers(3, first=5_012_150_000))
    with launcher.ledger.begin() as conn:
        pause_launching(conn, by="op", why="storm", now=launcher.clock())
    assert is_idle(launcher.run_pass())
    launcher.clock.advance(100 * HOUR)
    assert (launcher.run_pass().ended, launcher.state("q2").state) == (1, "scheduled")
    with launcher.ledger.begin() as conn:
        resume_launching(conn, by="op", now=launcher.clock())
    assert launcher.run_pass().missed == 1


def test_numbers_that_were_added_to_the_do_not_originate_list_are_not_sent(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.run_pass(do_not_originate=np.array([5_012_140_001]))
    row = launcher.state()
    assert (row.live, row.refused) == (2, 1)


def test_a_cancelled_program_is_ended(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(3))
    launcher.run_pass()
    register_program(launcher.ledger, make_manifest(state="cancelled"), now=launcher.clock())
    assert launcher.run_pass().ended == 1
    assert launcher.state().state == "ended"


def test_reassigned_numbers_move_to_the_new_program(launcher):
    register_program(launcher.ledger, make_manifest(), make_numbers(600))
    launcher.run_pass()
    register_program(launcher.ledger, make_manifest("q2", reassign=True), make_numbers(550), now=launcher.clock())
    assert launcher.run_pass().live == 1
    assert (launcher.state().live, launcher.state("q2").live) == (50, 550)


def test_the_longest_due_goes_first(remote, endpoint):
    for hour in (2, 0, 1):
        register_program(remote.ledger, make_manifest(f"h{hour}", start=NOON + hour * HOUR), [5_012_140_000 + hour])
    remote.clock.now = NOON + 3 * HOUR
    remote.run_pass()
    assert list(endpoint.programs) == ["acme-bank~h0", "acme-bank~h1", "acme-bank~h2"]


def test_businesses_take_turns_at_a_carrier_that_is_called(remote, endpoint):
    zenith = Business(id="zenith-health", legal_name="Zenith Health", business_units=("Collections",))
    with remote.ledger.begin() as conn:
        record_businesses(conn, [zenith], NOON)
    for count in range(2 * JOBS_PER_TURN + 1):
        manifest = make_manifest(f"q{count:02}", start=NOON + count * SECOND)
        register_program(remote.ledger, manifest, [5_012_140_000 + count])
    late = make_manifest("late", start=NOON + 2 * HOUR, business="zenith-health")
    register_program(remote.ledger, late, [5_012_150_000])
    remote.clock.now = NOON + 3 * HOUR
    remote.run_pass()
    launched = [name.partition("~")[0] for name in endpoint.programs]
    assert launched.index("zenith-health") == JOBS_PER_TURN
    assert len(launched) == 2 * JOBS_PER_TURN + 2


def test_a_name_approved_after_the_launch_brands_the_live_program(launcher):
    custom = DisplayName(display="Acme Bank Cards", shorthand="Acme")
    register_program(launcher.ledger, make_manifest(display_name=custom), make_numbers(3))
    launcher.run_pass()
    assert (launcher.state().state, launcher.state().branding) == ("live", "in_review")
    with launcher.ledger.begin() as conn:
        (waiting,) = list_open_reviews(conn)
        decide_review(conn, waiting.id, approve=True, by="op", reason=None, now=launcher.clock())
    assert launcher.run_pass().branded == 1
    assert launcher.state().branding == "approved"
    assert is_idle(launcher.run_pass())


def test_a_launch_sends_the_program_its_branding_and_batches_of_500(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(1200))
    remote.run_pass()
    id = "/acme-bank~q1"
    assert requests(endpoint) == ["POST ", f"PUT {id}/branding", *[f"POST {id}/numbers"] * 3]
    (program,) = endpoint.programs.values()
    assert program.branding["display"] == "Acme Bank"
    assert program.facts["schedule"] == {
        "start": "2027-01-04T12:00:00Z",
        "end": "2027-01-08T16:00:00Z",
        "timezone": "America/Chicago",
    }
    assert len(program.numbers) == 1200


def test_only_the_changes_of_a_revision_are_sent(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(600))
    remote.run_pass()
    endpoint.requests.clear()
    register_program(remote.ledger, make_manifest(), make_numbers(2, first=5_012_150_000), now=remote.clock())
    remote.run_pass()
    assert requests(endpoint) == ["POST /acme-bank~q1/numbers"]
    assert (remote.state().revision, remote.state().live) == (2, 602)


def test_new_dates_new_purposes_and_removed_numbers_are_sent(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    endpoint.requests.clear()
    later = make_manifest(end=NOON + 200 * HOUR, numbers_mode="replace")
    register_program(remote.ledger, later, make_numbers(2), purpose=SURVEY, now=remote.clock())
    remote.run_pass()
    id = "/acme-bank~q1"
    assert requests(endpoint) == [f"PUT {id}", f"POST {id}/numbers/remove", f"POST {id}/numbers"]
    assert endpoint.programs["acme-bank~q1"].numbers == {5_012_140_000: "Survey", 5_012_140_001: "Survey"}


def test_reassigned_numbers_are_removed_before_they_are_added(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    endpoint.requests.clear()
    register_program(remote.ledger, make_manifest("q2", reassign=True), make_numbers(2), now=remote.clock())
    remote.run_pass()
    assert requests(endpoint)[-2:] == ["POST /acme-bank~q1/numbers/remove", "POST /acme-bank~q2/numbers"]
    assert list(endpoint.programs["acme-bank~q1"].numbers) == [5_012_140_002]


def test_refused_numbers_have_a_reason_and_the_rest_goes_live(remote, endpoint):
    endpoint.refused = {5_012_140_001: "ported to 5012149999"}
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    assert (remote.state().state, remote.state().live, remote.state().refused) == ("live", 2, 1)
    with remote.ledger.read() as conn:
        assert list_refused_numbers(conn, "acme-bank", "q1", limit=9) == [(5_012_140_001, "ported to +1501•••9999")]


def test_only_the_approved_bytes_of_a_logo_are_sent(remote, endpoint):
    svg = b"<svg/>"
    branded = make_manifest(program_type="INFORM with Logo", call_reason="Payment reminder")
    register_program(remote.ledger, branded, make_numbers(3), logo=svg)
    with remote.ledger.begin() as conn:
        for waiting in list_open_reviews(conn):
            decide_review(conn, waiting.id, approve=True, by="op", reason=None, now=remote.clock())
    remote.run_pass(load_logo=lambda _: b"<svg>other</svg>")
    assert remote.state().state == "launch_failed"
    assert remote.state().reason == "the approved bytes of the logo acme.svg are not in the archive"
    with remote.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=remote.clock())
    remote.run_pass(load_logo=lambda _: svg)
    branding = endpoint.programs["acme-bank~q1"].branding
    assert (branding["logo"]["svg"], branding["call_reason"]) == ("PHN2Zy8+", "Payment reminder")


SENTRY = {"program_type": "SENTRY", "display_name": None}


def test_a_program_that_becomes_sentry_loses_its_branding(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    endpoint.requests.clear()
    register_program(remote.ledger, make_manifest(**SENTRY), now=remote.clock())
    remote.run_pass()
    assert requests(endpoint) == ["PUT /acme-bank~q1", "PUT /acme-bank~q1/branding"]
    assert endpoint.programs["acme-bank~q1"].branding is None
    endpoint.requests.clear()
    register_program(remote.ledger, make_manifest(**SENTRY, description="Other calls."), now=remote.clock())
    remote.run_pass()
    assert requests(endpoint) == ["PUT /acme-bank~q1"]


def test_a_sentry_program_gets_no_branding(remote, endpoint):
    register_program(remote.ledger, make_manifest(**SENTRY), make_numbers(3))
    remote.run_pass()
    assert requests(endpoint) == ["POST ", "POST /acme-bank~q1/numbers"]


def test_a_name_in_review_does_not_replace_the_current_one(remote, endpoint):
    register_program(remote.ledger, make_manifest(), make_numbers(3))
    remote.run_pass()
    custom = DisplayName(display="Acme Bank Cards", shorthand="Acme")
    register_program(remote.ledger, make_manifest(display_name=custom), now=remote.clock())
    remote.run_pass()
    assert (remote.state().branding, endpoint.programs["acme-bank~q1"].branding["display"]) == (
        "in_review",
        "Acme Bank",
    )


def test_the_branding_of_a_failed_launch_is_removed_if_the_program_becomes_sentry(remote, endpoint, monkeypatch):
    def refuse(*_args, **_options):
        raise CarrierRefused("no")

    register_program(remote.ledger, make_manifest(), make_numbers(3))
    with monkeypatch.context() as refusing:
        refusing.setattr(remote.carrier, "add_numbers", refuse)
        remote.run_pass()
    assert (remote.state().state, endpoint.programs["acme-bank~q1"].branding["display"]) == (
        "launch_failed",
        "Acme Bank",
    )
    register_program(remote.ledger, make_manifest(**SENTRY), now=remote.clock())
    remote.run_pass()
    assert (remote.state().state, endpoint.programs["acme-bank~q1"].branding) == ("live", None)
