"""Review of display names and logos, and what a decision brands."""

import re
from dataclasses import replace
from random import Random
from string import ascii_letters, digits

import pytest

from flows.ledger.core.errors import LedgerError
from flows.ledger.intake.submissions import SubmittedLogo
from flows.ledger.launches.live_programs import claim_brandings
from flows.ledger.programs.businesses import list_business_ids, read_business, record_businesses
from flows.ledger.programs.programs import release_number, retry_launch
from flows.ledger.programs.reviews import decide_review, list_open_reviews
from schemas.manifest.display_name import DISPLAY_NAME_KEYS, MAX_DISPLAY_NAME_LENGTH
from schemas.model.business import DisplayName
from tests.flows.ledger.samples import ACME, BUSINESSES, CUSTOM, HOUR, NOON, some

LOGO = SubmittedLogo(name="acme.svg", sha256="ab" * 32)


@pytest.fixture
def decided(desk):
    def decide_all(approve, reason=None):
        with desk.ledger.begin() as conn:
            return [
                decide_review(conn, review.id, approve=approve, by="ann", reason=reason, now=desk.now)
                for review in list_open_reviews(conn)
            ]

    return decide_all


def branding(desk, reference="p"):
    return desk.program(reference).branding


def test_the_longest_names_have_room(desk):
    mixed = Random(1)  # what can be compressed would have room anyway
    longest = ["".join(mixed.choices(ascii_letters + digits, k=MAX_DISPLAY_NAME_LENGTH)) for _ in DISPLAY_NAME_KEYS]
    desk.drop("p", some(1), display_name=DisplayName(**dict(zip(DISPLAY_NAME_KEYS, longest, strict=True))))
    assert branding(desk) == "in_review"


def test_an_approved_pair_needs_no_review(desk):
    desk.drop("p", some(1))
    assert branding(desk) == "approved"
    desk.now = NOON + HOUR
    [errand] = desk.claim()
    assert errand.branding.display_name == ACME


def test_a_sentry_program_shows_nothing(desk):
    desk.drop("p", some(1), program_type="SENTRY")
    assert branding(desk) == "none"


def test_a_custom_name_is_asked_for_with_what_the_rules_noticed(desk):
    desk.drop("p", some(1), display_name=CUSTOM)
    desk.drop("q", some(1, 1), display_name=CUSTOM)
    assert branding(desk) == "in_review"
    with desk.ledger.read() as conn:
        [review] = list_open_reviews(conn)
        assert list_open_reviews(conn, business="zenith") == []
    assert (review.display_name, review.submission) == (CUSTOM, "s1")
    assert review.notes == (("DSP-007", "shares no word"),)


def test_an_approval_brands_what_is_live_and_is_the_business_s_from_then_on(desk, decided):
    desk.drop("p", some(1), display_name=CUSTOM)
    desk.now = NOON + HOUR
    [errand] = desk.claim()
    assert errand.branding is None
    desk.finish([errand])
    assert desk.brand() == []
    [made] = decided(True)
    assert (made.programs, made.review.decided_by) == ((("acme", "p"),), "ann")
    assert desk.brand() == [("acme/p", CUSTOM)]
    assert desk.brand() == []
    assert desk.moves("p", "branding") == [
        (1, "none", "in_review"),
        (1, "in_review", "approved"),
        (1, None, "at the carrier"),
    ]
    desk.drop("q", some(1, 1), display_name=CUSTOM)
    assert branding(desk, "q") == "approved"
    with desk.ledger.read() as conn:
        assert read_business(conn, "acme").display_names == (ACME, CUSTOM)


def test_an_approval_during_the_launch_is_not_forgotten(desk, decided):
    desk.drop("p", some(1), display_name=CUSTOM)
    desk.now = NOON + HOUR
    errands = desk.claim()
    decided(True)
    desk.finish(errands)
    assert desk.brand() == [("acme/p", CUSTOM)]


def test_a_rejection(desk, decided):
    desk.drop("p", some(1), display_name=CUSTOM)
    desk.drop("q", some(1, 1), display_name=CUSTOM, hold_until_branded=True)
    decided(False, "not yours")
    assert (branding(desk), desk.state("p")) == ("rejected", (1, "scheduled"))
    assert desk.state("q") == (1, "launch_failed")
    desk.drop("p", [], display_name=CUSTOM)
    assert branding(desk) == "in_review"


def test_a_decision_turned_round_is_told_to_the_carrier(desk, decided):
    desk.drop("p", some(1), display_name=CUSTOM)
    [made] = decided(True)
    desk.now = NOON + HOUR
    desk.launch()
    with desk.ledger.begin() as conn:
        decide_review(conn, made.review.id, approve=False, by="ann", reason="a mistake", now=desk.now)
    assert desk.brand() == [("acme/p", None)]
    with desk.ledger.begin() as conn:
        assert decide_review(conn, made.review.id, approve=False, by="ann", reason="", now=desk.now).programs == ()


def test_a_logo_is_approved_by_its_bytes(desk, decided):
    with_logo = {"program_type": "INFORM with Logo", "call_reason": "Payment"}
    desk.drop("p", some(1), logo=LOGO, **with_logo)
    with desk.ledger.read() as conn:
        [review] = list_open_reviews(conn)
    assert (review.kind, review.logo_sha256, review.logo_name) == ("logo", LOGO.sha256, "acme.svg")
    decided(True)
    desk.drop("q", some(1, 1), logo=replace(LOGO, name="other.svg"), **with_logo)
    desk.drop("r", some(1, 2), logo=replace(LOGO, sha256="cd" * 32), **with_logo)
    assert [branding(desk, p) for p in "pqr"] == ["approved", "approved", "in_review"]
    desk.now = NOON + HOUR
    [errand] = desk.claim(limit=1)
    assert (errand.branding.logo.sha256, errand.branding.logo.archive) == (LOGO.sha256, "acme/s1/")
    assert errand.branding.call_reason == "Payment"


def test_an_unknown_review(desk):
    with pytest.raises(LedgerError, match="no review has the id 12345"), desk.ledger.begin() as conn:
        decide_review(conn, 12345, approve=True, by="ann", reason=None, now=NOON)


def test_seeding(desk):
    def again(*businesses, **kwargs):
        with desk.ledger.begin() as conn:
            return record_businesses(conn, businesses, NOON, **kwargs)

    assert not again(*BUSINESSES)
    desk.drop("p", some(1), display_name=CUSTOM)
    grown = replace(BUSINESSES[0], display_names=(CUSTOM,), brands=("Acme",), business_units=("Loans",))
    assert again(grown, gallery={"acme": {"acme.svg": LOGO.sha256}})
    with desk.ledger.read() as conn:
        assert list_business_ids(conn) == ["acme", "zenith"]
        seen = read_business(conn, "acme")
        assert read_business(conn, "nobody") is None
    assert (seen.brands, seen.business_units) == (("Acme",), ("Cards", "Loans"))
    assert (seen.display_names, seen.approved_logos) == ((ACME, CUSTOM), {LOGO.sha256})
    assert branding(desk) == "approved"
    with desk.ledger.read() as conn:
        assert read_business(conn, "zenith").regions == ("US",)


def test_what_was_rejected_by_hand_stays_rejected(desk, decided):
    desk.drop("p", some(1), display_name=CUSTOM)
    decided(False, "no")
    with desk.ledger.begin() as conn:
        record_businesses(conn, [replace(BUSINESSES[0], display_names=(CUSTOM,))], NOON)
    assert branding(desk) == "rejected"


def test_a_logo_that_is_approved_after_a_number_was_freed_is_found(desk, decided):
    desk.drop("p", some(2), logo=LOGO, program_type="INFORM with Logo")
    desk.now = NOON + HOUR
    desk.launch()
    with desk.ledger.begin() as conn:
        release_number(conn, some(1)[0], by="ann", now=desk.now)
    desk.launch()
    decided(True)
    with desk.ledger.begin() as conn:
        [errand] = claim_brandings(conn, desk.claimant, now=desk.now)
    assert errand.branding.logo.archive == "acme/s1/"


def test_what_waits_for_a_rejected_name_is_not_retried_in_vain(desk, decided):
    desk.drop("p", some(1), display_name=CUSTOM, hold_until_branded=True)
    [review] = [each.review.id for each in decided(False, "too long")]
    assert desk.state("p") == (1, "launch_failed")
    told = (
        f"acme/p waits for its branding, which was rejected: `launchdrop review approve {review}` before the retry, or "
        "drop the program again with another one"
    )
    with pytest.raises(LedgerError, match=f"^{re.escape(told)}$"), desk.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=desk.now)
    with desk.ledger.begin() as conn:
        decide_review(conn, review, approve=True, by="ann", reason=None, now=desk.now)
        retry_launch(conn, "acme", "p", by="ann", now=desk.now)
    desk.now = NOON + HOUR
    assert len(desk.launch()) == 1
