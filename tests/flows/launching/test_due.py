"""Launches to the embedded carrier and to an operator's endpoint: on time, once, and gone on with."""

from datetime import timedelta

import numpy as np
import pytest

from flows.carriers import CarrierRefused
from flows.launching.due import allowed_delay
from flows.ledger.core.control_flags import pause_launching, resume_launching
from flows.ledger.programs.programs import retry_launch
from flows.ledger.programs.reviews import decide_review, list_open_reviews
from flows.ledger.read.page_queries import list_refused_numbers
from schemas.model.business import DisplayName
from tests.flows.launching.conftest import HOUR
from tests.flows.launching.programs import NOON, SURVEY, manifest, numbers, registered

SECOND = timedelta(seconds=1)


def requests(endpoint) -> list[str]:
    """What was asked, without what is the same of every program."""
    return [f"{method} {path.removeprefix('/v1/programs')}" for method, path in endpoint.requests]


@pytest.fixture(params=["local", "remote"])
def launcher(request):
    return request.getfixturevalue(request.param)


def test_nothing_goes_live_before_its_start(launcher):
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.clock.now = NOON - SECOND
    assert not launcher.go().changed
    assert launcher.state().state == "scheduled"
    launcher.clock.now = NOON
    assert launcher.go().live == 1
    row = launcher.state()
    assert (row.state, row.live, row.pending) == ("live", 3, 0)
    assert not launcher.go().changed


def test_what_is_later_than_the_deadline_is_missed_and_can_be_retried(launcher):
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.clock.now = NOON + 24 * HOUR + SECOND
    assert launcher.go().missed == 1
    assert launcher.state().state == "missed"
    with launcher.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=launcher.clock())
    assert launcher.go().live == 1


def test_a_missed_start_is_held_where_the_operator_says_so(launcher):
    assert allowed_delay("launch_late", 24 * HOUR) == 24 * HOUR
    held = allowed_delay("hold", 24 * HOUR)
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.clock.now = NOON + HOUR
    assert launcher.go(allowed_delay=held).missed == 1


def test_a_program_ends_at_its_end_and_frees_its_numbers(launcher):
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.go()
    launcher.clock.move(100 * HOUR)
    assert launcher.go().ended == 1
    assert launcher.state().state == "ended"
    registered(launcher.ledger, manifest("q2", start=launcher.clock() + HOUR), numbers(3), now=launcher.clock())


def test_while_paused_nothing_is_launched_but_what_is_over_is_ended(launcher):
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.go()
    registered(launcher.ledger, manifest("q2"), numbers(3, first=5_012_150_000))
    with launcher.ledger.begin() as conn:
        pause_launching(conn, by="op", why="storm", now=launcher.clock())
    assert not launcher.go().changed
    launcher.clock.move(100 * HOUR)
    assert (launcher.go().ended, launcher.state("q2").state) == (1, "scheduled")
    with launcher.ledger.begin() as conn:
        resume_launching(conn, by="op", now=launcher.clock())
    assert launcher.go().missed == 1


def test_numbers_on_the_do_not_originate_list_by_now_are_not_sent(launcher):
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.go(do_not_originate=np.array([5_012_140_001]))
    row = launcher.state()
    assert (row.live, row.refused) == (2, 1)


def test_a_cancelled_program_is_ended(launcher):
    registered(launcher.ledger, manifest(), numbers(3))
    launcher.go()
    registered(launcher.ledger, manifest(state="cancelled"), now=launcher.clock())
    assert launcher.go().ended == 1
    assert launcher.state().state == "ended"


def test_numbers_move_to_the_program_that_reassigns_them(launcher):
    registered(launcher.ledger, manifest(), numbers(600))
    launcher.go()
    registered(launcher.ledger, manifest("q2", reassign=True), numbers(550), now=launcher.clock())
    assert launcher.go().live == 1
    assert (launcher.state().live, launcher.state("q2").live) == (50, 550)


def test_the_longest_due_goes_first(remote, endpoint):
    for hour in (2, 0, 1):
        registered(remote.ledger, manifest(f"h{hour}", start=NOON + hour * HOUR), [5_012_140_000 + hour])
    remote.clock.now = NOON + 3 * HOUR
    remote.go()
    assert list(endpoint.programs) == ["acme-bank~h0", "acme-bank~h1", "acme-bank~h2"]


def test_a_name_that_is_approved_later_brands_the_live_program(launcher):
    custom = DisplayName(display="Acme Bank Cards", shorthand="Acme")
    registered(launcher.ledger, manifest(display_name=custom), numbers(3))
    launcher.go()
    assert (launcher.state().state, launcher.state().branding) == ("live", "in_review")
    with launcher.ledger.begin() as conn:
        (waiting,) = list_open_reviews(conn)
        decide_review(conn, waiting.id, approve=True, by="op", reason=None, now=launcher.clock())
    assert launcher.go().branded == 1
    assert launcher.state().branding == "approved"
    assert not launcher.go().changed


def test_a_launch_is_create_branding_and_batches_of_500(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(1200))
    remote.go()
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


def test_only_the_difference_of_a_revision_is_sent(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(600))
    remote.go()
    endpoint.requests.clear()
    registered(remote.ledger, manifest(), numbers(2, first=5_012_150_000), now=remote.clock())
    remote.go()
    assert requests(endpoint) == ["POST /acme-bank~q1/numbers"]
    assert (remote.state().revision, remote.state().live) == (2, 602)


def test_moved_dates_new_purposes_and_removed_numbers_are_sent(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    endpoint.requests.clear()
    later = manifest(end=NOON + 200 * HOUR, numbers_mode="replace")
    registered(remote.ledger, later, numbers(2), purpose=SURVEY, now=remote.clock())
    remote.go()
    id = "/acme-bank~q1"
    assert requests(endpoint) == [f"PUT {id}", f"POST {id}/numbers/remove", f"POST {id}/numbers"]
    assert endpoint.programs["acme-bank~q1"].numbers == {5_012_140_000: "Survey", 5_012_140_001: "Survey"}


def test_moved_numbers_leave_the_giver_before_they_come_to_the_taker(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    endpoint.requests.clear()
    registered(remote.ledger, manifest("q2", reassign=True), numbers(2), now=remote.clock())
    remote.go()
    assert requests(endpoint)[-2:] == ["POST /acme-bank~q1/numbers/remove", "POST /acme-bank~q2/numbers"]
    assert list(endpoint.programs["acme-bank~q1"].numbers) == [5_012_140_002]


def test_refused_numbers_are_kept_with_their_reason_and_the_rest_is_live(remote, endpoint):
    endpoint.refused = {5_012_140_001: "ported to 5012149999"}
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    assert (remote.state().state, remote.state().live, remote.state().refused) == ("live", 2, 1)
    with remote.ledger.read() as conn:
        assert list_refused_numbers(conn, "acme-bank", "q1", limit=9) == [(5_012_140_001, "ported to +1501•••9999")]


def test_a_logo_is_sent_by_the_bytes_that_were_approved(remote, endpoint):
    svg = b"<svg/>"
    branded = manifest(program_type="INFORM with Logo", call_reason="Payment reminder")
    registered(remote.ledger, branded, numbers(3), logo=svg)
    with remote.ledger.begin() as conn:
        for waiting in list_open_reviews(conn):
            decide_review(conn, waiting.id, approve=True, by="op", reason=None, now=remote.clock())
    remote.go(load_logo=lambda _: b"<svg>other</svg>")
    assert remote.state().state == "launch_failed"
    assert remote.state().reason == "the approved bytes of the logo acme.svg are not in the archive"
    with remote.ledger.begin() as conn:
        retry_launch(conn, "acme-bank", "q1", by="op", now=remote.clock())
    remote.go(load_logo=lambda _: svg)
    branding = endpoint.programs["acme-bank~q1"].branding
    assert (branding["logo"]["svg"], branding["call_reason"]) == ("PHN2Zy8+", "Payment reminder")


SENTRY = {"program_type": "SENTRY", "display_name": None}


def test_a_program_that_becomes_sentry_shows_nothing_any_more(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    endpoint.requests.clear()
    registered(remote.ledger, manifest(**SENTRY), now=remote.clock())
    remote.go()
    assert requests(endpoint) == ["PUT /acme-bank~q1", "PUT /acme-bank~q1/branding"]
    assert endpoint.programs["acme-bank~q1"].branding is None
    endpoint.requests.clear()
    registered(remote.ledger, manifest(**SENTRY, description="Other calls."), now=remote.clock())
    remote.go()
    assert requests(endpoint) == ["PUT /acme-bank~q1"]


def test_a_sentry_program_is_told_of_no_branding(remote, endpoint):
    registered(remote.ledger, manifest(**SENTRY), numbers(3))
    remote.go()
    assert requests(endpoint) == ["POST ", "POST /acme-bank~q1/numbers"]


def test_a_name_in_review_leaves_the_one_that_is_shown(remote, endpoint):
    registered(remote.ledger, manifest(), numbers(3))
    remote.go()
    custom = DisplayName(display="Acme Bank Cards", shorthand="Acme")
    registered(remote.ledger, manifest(display_name=custom), now=remote.clock())
    remote.go()
    assert (remote.state().branding, endpoint.programs["acme-bank~q1"].branding["display"]) == ("in_review", "Acme Bank")


def test_a_failed_launch_s_name_is_taken_away_from_what_becomes_sentry(remote, endpoint, monkeypatch):
    def refuse(*_args, **_how):
        raise CarrierRefused("no")

    registered(remote.ledger, manifest(), numbers(3))
    with monkeypatch.context() as refusing:
        refusing.setattr(remote.carrier, "add_numbers", refuse)
        remote.go()
    assert (remote.state().state, endpoint.programs["acme-bank~q1"].branding["display"]) == ("launch_failed", "Acme Bank")
    registered(remote.ledger, manifest(**SENTRY), now=remote.clock())
    remote.go()
    assert (remote.state().state, endpoint.programs["acme-bank~q1"].branding) == ("live", None)
