"""The sample drops, from the inbox to the ledger and the reports. This is what new users see first."""

import csv
import json

import jsonschema
import pytest

from flows.archive.submissions import is_intact, open_archived_drop
from flows.ledger.read import page_queries
from reports.json_documents import published_schema
from schemas.rules import RULES

pytestmark = pytest.mark.usefixtures("samples")

DROPS = {
    "acme-bank/1-card-service": "accepted",
    "acme-bank/3-collections": "accepted_with_rejections",
    "acme-bank/4-collections-corrected": "accepted",
    "acme-bank/7-unreadable": "rejected",
    "zenith-health/2-reminders": "accepted",
    "zenith-health/5-survey": "accepted",
    "zenith-health/6-survey-cancelled": "accepted",
}


@pytest.fixture
def taken(world):
    world.run()
    return world


def read_programs(world):
    with world.services.ledger.read() as conn:
        return {f"{p.business}/{p.reference}": p for p in page_queries.list_programs(conn)}


def test_each_drop_has_its_verdict_in_its_receipt(taken):
    assert {drop: taken.receipt(drop)["verdict"] for drop in DROPS} == DROPS


def test_counts_add_up_in_every_report_and_every_file(taken):
    for drop in DROPS:
        report = taken.report(drop)
        for counts in [report["counts"], *(file["counts"] for file in report["files"])]:
            assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["ignored"]
        assert report["counts"]["read"] == sum(file["counts"]["read"] for file in report["files"])


def expected_rows():
    """The rules by (file, row), as the comment in the manifest lists them."""
    return {
        ("central.csv", 1): ["CSV-011"],
        ("central.csv", 17): ["NUM-004"],
        ("central.csv", 18): ["NUM-004"],
        ("central.csv", 44): ["PUR-002"],
        ("central.csv", 45): ["PUR-002"],
        ("central.csv", 91): ["NUM-001"],
        ("central.csv", 92): ["PUR-001"],
        ("central.csv", 121): ["NUM-002"],
        ("central.csv", 151): ["NUM-003"],
        ("central.csv", 152): ["NUM-003"],
        ("central.csv", 201): ["NUM-005"],
        ("central.csv", 202): ["NUM-006"],
        ("central.csv", 231): ["NUM-007"],
        ("central.csv", 232): ["NUM-007"],
        ("central.csv", 261): ["CSV-010"],
        ("central.csv", 262): ["CSV-010"],
        ("central.csv", 301): ["CSV-012"],
        ("south.csv", 11): ["NUM-008"],
        ("south.csv", 12): ["NUM-009"],
        ("south.csv", 13): ["NUM-010"],
        ("south.csv", 14): ["NUM-010"],
        ("south.csv", 41): ["NUM-011"],
        ("south.csv", 42): ["NUM-012"],
        ("south.csv", 61): ["NUM-014"],
        ("south.csv", 62): ["NUM-015"],
        ("south.csv", 63): ["NUM-016"],
        ("south.csv", 101): ["NUM-020"],
        ("south.csv", 102): ["NUM-021"],
        ("south.csv", 103): ["NUM-023"],
        ("south.csv", 104): ["NUM-022"],
        ("south.csv", 301): ["NUM-002", "PUR-002"],
    }


def test_every_kind_of_row_finding_is_at_the_right_row(taken):
    found = {}
    for finding in taken.report("acme-bank/3-collections")["findings"]:
        if finding["row"] is not None:
            found.setdefault((finding["file"], finding["row"]), []).append(finding["rule"])
    assert found == expected_rows()


def test_the_sample_breaks_every_row_rule_that_a_sample_can_break(taken):
    total = {rule["id"] for rule in taken.report("acme-bank/3-collections")["rules"]}
    rules = {r for r in RULES if r.startswith(("CSV-01", "NUM-", "PUR-"))}
    # A header is the only line above the numbers. Toll-free is allowed by default, there is no do-not-originate list,
    # no earlier drop has numbers, damaged or not, and only one number is Do Not Originate.
    assert rules - total == {"CSV-013", "CSV-014", "NUM-013", "NUM-024", "NUM-025", "PUR-005", "PUR-006"}


def test_blank_rows_are_ignored_and_counted(taken):
    assert taken.report("acme-bank/3-collections")["counts"] == {
        "read": 1200,
        "accepted": 1167,
        "rejected": 30,
        "ignored": 3,
    }


def test_rejected_csv_has_only_the_rejected_records_that_can_be_corrected(taken):
    report = taken.report("acme-bank/3-collections")
    folder = taken.reports / "acme-bank" / report["submission"]["id"]
    records = (folder / "rejected.csv").read_text().splitlines()
    assert len(records) == report["counts"]["rejected"] - 1  # row 101 of south.csv is already in
    source = (taken.inbox / "acme-bank/3-collections/central.csv").read_text().splitlines()
    assert records[:3] == [source[0], source[16], source[17]]
    lines = list(csv.DictReader((folder / "rejections.csv").read_text("utf-8-sig").splitlines()))
    assert sum(line["severity"] == "error" for line in lines) == sum(len(r) for r in expected_rows().values()) - 1


def test_the_program_that_has_started_is_live_and_the_others_wait(taken):
    states = {name: (p.state, p.branding) for name, p in read_programs(taken).items()}
    assert states == {
        "acme-bank/card-service": ("live", "approved"),
        "acme-bank/collections": ("scheduled", "approved"),
        "zenith-health/reminders": ("scheduled", "in_review"),
        "zenith-health/survey": ("cancelled", "approved"),
    }


def test_the_corrected_rows_add_their_numbers_and_remove_none(taken):
    program = read_programs(taken)["acme-bank/collections"]
    assert program.revision == 2
    assert program.pending == 1167 + 12
    revision = taken.report("acme-bank/4-collections-corrected")["revision"]
    listed = revision.pop("numbers")
    assert revision == {"number": 2, "added": 12, "removed": 0, "changed": 0, "numbers_listed": 12}
    assert [(each["change"], each["call_purpose_before"]) for each in listed] == [("added", None)] * 12


def test_a_second_pass_finds_nothing_new_and_writes_nothing(taken):
    before = taken.files()
    again = taken.run()
    assert not again.intake.taken
    assert taken.files() == before


def test_the_unreadable_manifest_is_reported_with_its_line(taken):
    (finding,) = taken.report("acme-bank/7-unreadable")["findings"]
    assert finding["rule"] == "MAN-001"
    assert finding["line"] == 5


def test_a_business_folder_names_no_other_business(taken):
    for path, content in taken.files().items():
        business = path.relative_to(taken.reports).parts[0]
        other = {"acme-bank": b"zenith", "zenith-health": b"acme"}.get(business)
        if other:
            assert other not in content.lower(), path


def test_the_operators_page_shows_what_waits_for_review(taken):
    page = (taken.reports / "_operator/index.html").read_text()
    assert "<b>Zenith Health Reminders</b>" in page
    assert 'src="data:image/svg+xml;base64,' in page


def test_every_submission_is_intact_in_the_archive(taken):

    for drop in DROPS:
        receipt = taken.receipt(drop)
        archived = open_archived_drop(taken.services.archive, receipt["business"], receipt["submission"])
        assert is_intact(archived)


def test_receipts_are_valid_by_their_schema(taken):
    schema = json.loads(published_schema("receipt"))
    for drop in DROPS:
        jsonschema.validate(taken.receipt(drop), schema)
