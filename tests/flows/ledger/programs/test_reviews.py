"""Reviews of display names and logos, and the branding that follows from their decisions."""

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
from tests.flows.ledger.driver import ACME, BUSINESSES, CUSTOM, HOUR, NOON, some_numbers

LOGO = SubmittedLogo(name="acme.svg", sha256="ab" * 32)


@pytest.fixture
def decide_all(driver):
    def decide(approve, reason=None):
        with driver.ledger.begin() as conn:
            return [
                decide_review(conn, review.id, approve=approve, by="ann", reason=reason, now=driver.now)
                for review in list_open_reviews(conn)
            ]

    return decide


def branding(driver, reference="p"):
    return driver.program(reference).branding


def test_the_longest_names_fit(driver):
    mixed = Random(1)  # not compressible, so that no database can hide their size
    longest = ["".join(mixed.choices(ascii_letters + digits, k=MAX_DISPLAY_NAME_LENGTH)) for _ in DISPLAY_NAME_KEYS]
    driver.drop("p", some_numbers(1), display_name=DisplayName(**dict(zip(DISPLAY_NAME_KEYS, longest, strict=True))))
    assert branding(driver) == "in_review"


def test_an_approved_name_needs_no_review(driver):
    driver.drop("p", some_numbers(1))
    assert branding(driver) == "approved"
    driver.now = NOON + HOUR
    [job] = driver.claim()
    assert job.branding.display_name == ACME


def test_a_sentry_program_has_no_branding(driver):
    driver.drop("p", some_numbers(1), program_type="SENTRY")
    assert branding(driver) == "none"


def test_a_new_name_is_reviewed_with_the_findings_on_it(driver):
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    driver.drop("q", some_numbers(1, 1), display_name=CUSTOM)
    assert branding(driver) == "in_review"
    with driver.ledger.read() as conn:
        [review] = list_open_reviews(conn)
        assert list_open_reviews(conn, business="zenith") == []
    assert (review.display_name, review.submission) == (CUSTOM, "s1")
    assert review.review_findings == (("DSP-007", "shares no word"),)


def test_an_approval_brands_live_programs_and_lasts_for_the_business(driver, decide_all):
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    driver.now = NOON + HOUR
    [job] = driver.claim()
    assert job.branding is None
    driver.finish([job])
    assert driver.brand() == []
    [decision] = decide_all(True)
    assert (decision.programs, decision.review.decided_by) == ((("acme", "p"),), "ann")
    assert driver.brand() == [("acme/p", CUSTOM)]
    assert driver.brand() == []
    assert driver.transitions("p", "branding") == [
        (1, "none", "in_review"),
        (1, "in_review", "approved"),
        (1, None, "at the carrier"),
    ]
    driver.drop("q", some_numbers(1, 1), display_name=CUSTOM)
    assert branding(driver, "q") == "approved"
    with driver.ledger.read() as conn:
        assert read_business(conn, "acme").display_names == (ACME, CUSTOM)


def test_an_approval_during_the_launch_is_sent_afterwards(driver, decide_all):
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    driver.now = NOON + HOUR
    jobs = driver.claim()
    decide_all(True)
    driver.finish(jobs)
    assert driver.brand() == [("acme/p", CUSTOM)]


def test_a_rejection_fails_programs_that_wait_for_the_branding(driver, decide_all):
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    driver.drop("q", some_numbers(1, 1), display_name=CUSTOM, hold_until_branded=True)
    decide_all(False, "not yours")
    assert (branding(driver), driver.state("p")) == ("rejected", (1, "scheduled"))
    assert driver.state("q") == (1, "launch_failed")
    driver.drop("p", [], display_name=CUSTOM)
    assert branding(driver) == "in_review"


def test_a_reversed_decision_is_sent_to_the_carrier(driver, decide_all):
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    [decision] = decide_all(True)
    driver.now = NOON + HOUR
    driver.launch()
    with driver.ledger.begin() as conn:
        decide_review(conn, decision.review.id, approve=False, by="ann", reason="a mistake", now=driver.now)
    assert driver.brand() == [("acme/p", None)]
    with driver.ledger.begin() as conn:
        assert (
            decide_review(conn, decision.review.id, approve=False, by="ann", reason="", now=driver.now).programs == ()
        )


def test_approval_of_a_logo_is_for_its_bytes(driver, decide_all):
    with_logo = {"program_type": "INFORM with Logo", "call_reason": "Payment"}
    driver.drop("p", some_numbers(1), logo=LOGO, **with_logo)
    with driver.ledger.read() as conn:
        [review] = list_open_reviews(conn)
    assert (review.kind, review.logo_sha256, review.logo_name) == ("logo", LOGO.sha256, "acme.svg")
    decide_all(True)
    driver.drop("q", some_numbers(1, 1), logo=replace(LOGO, name="other.svg"), **with_logo)
    driver.drop("r", some_numbers(1, 2), logo=replace(LOGO, sha256="cd" * 32), **with_logo)
    assert [branding(driver, p) for p in "pqr"] == ["approved", "approved", "in_review"]
    driver.now = NOON + HOUR
    [job] = driver.claim(limit=1)
    assert (job.branding.logo.sha256, job.branding.logo.archive) == (LOGO.sha256, "acme/s1/")
    assert job.branding.call_reason == "Payment"


def test_an_unknown_review_is_an_error(driver):
    with pytest.raises(LedgerError, match="no review has the id 12345"), driver.ledger.begin() as conn:
        decide_review(conn, 12345, approve=True, by="ann", reason=None, now=NOON)


def test_recording_businesses(driver):
    def again(*businesses, **kwargs):
        with driver.ledger.begin() as conn:
            return record_businesses(conn, businesses, NOON, **kwargs)

    assert not again(*BUSINESSES)
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    grown = replace(BUSINESSES[0], display_names=(CUSTOM,), brands=("Acme",), business_units=("Loans",))
    assert again(grown, gallery={"acme": {"acme.svg": LOGO.sha256}})
    with driver.ledger.read() as conn:
        assert list_business_ids(conn) == ["acme", "zenith"]
        acme = read_business(conn, "acme")
        assert read_business(conn, "nobody") is None
    assert (acme.brands, acme.business_units) == (("Acme",), ("Cards", "Loans"))
    assert (acme.display_names, acme.approved_logos) == ((ACME, CUSTOM), {LOGO.sha256})
    assert branding(driver) == "approved"
    with driver.ledger.read() as conn:
        assert read_business(conn, "zenith").regions == ("US",)


def test_seeding_does_not_approve_what_the_operator_rejected(driver, decide_all):
    driver.drop("p", some_numbers(1), display_name=CUSTOM)
    decide_all(False, "no")
    with driver.ledger.begin() as conn:
        record_businesses(conn, [replace(BUSINESSES[0], display_names=(CUSTOM,))], NOON)
    assert branding(driver) == "rejected"


def test_the_logo_is_found_after_a_number_was_released_by_hand(driver, decide_all):
    driver.drop("p", some_numbers(2), logo=LOGO, program_type="INFORM with Logo")
    driver.now = NOON + HOUR
    driver.launch()
    with driver.ledger.begin() as conn:
        release_number(conn, some_numbers(1)[0], by="ann", now=driver.now)
    driver.launch()
    decide_all(True)
    with driver.ledger.begin() as conn:
        [job] = claim_brandings(conn, driver.claimer, now=driver.now)
    assert job.branding.logo.archive == "acme/s1/"


def test_retrying_fails_while_the_awaited_name_is_rejected(driver, decide_all):
    driver.drop("p", some_numbers(1), display_name=CUSTOM, hold_until_branded=True)
    [review] = [each.review.id for each in decide_all(False, "too long")]
    assert driver.state("p") == (1, "launch_failed")
    message = (
        f"acme/p waits for its branding, which was rejected: `launchdrop review approve {review}` before the retry, or "
        "drop the program again with another one"
    )
    with pytest.raises(LedgerError, match=f"^{re.escape(message)}$"), driver.ledger.begin() as conn:
        retry_launch(conn, "acme", "p", by="ann", now=driver.now)
    with driver.ledger.begin() as conn:
        decide_review(conn, review, approve=True, by="ann", reason=None, now=driver.now)
        retry_launch(conn, "acme", "p", by="ann", now=driver.now)
    driver.now = NOON + HOUR
    assert len(driver.launch()) == 1
