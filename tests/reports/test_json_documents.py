"""report.json and receipt.json: the contract's keys, their published schemas, text that UTF-8 cannot encode."""

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from reports.json_documents import format_utc, published_schema, receipt_json, report_json
from tests.reports import samples

VIEWS = ("accepted", "with_rejections", "held", "rejected", "unreadable", "incomplete", "dry_run", "hostile")
KEYS = [
    "schema_version", "submission", "verdict", "program", "counts", "files", "rules", "rules_not_checked", "findings",
    "findings_total", "findings_shown", "revision", "baseline", "engine",
    "refused", "refused_total", "rejections_total", "rejections_shown",
]  # fmt: skip


def validator(name):
    schema = json.loads(published_schema(name))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", VIEWS)
def test_report_matches_its_schema(name):
    document = json.loads(report_json(getattr(samples, name)()))
    validator("report").validate(document)
    assert list(document) == KEYS


@pytest.mark.parametrize("view", samples.receipts(), ids=lambda view: view.outcome)
def test_receipt_matches_its_schema(view):
    validator("receipt").validate(json.loads(receipt_json(view)))


def test_receipt_of_an_incomplete_drop_has_findings_and_no_verdict():
    receipt = json.loads(receipt_json(samples.receipts()[2]))
    assert receipt["outcome"] == "incomplete"
    assert (receipt["submission"], receipt["verdict"], receipt["counts"]) == (None, None, None)
    assert [finding["rule"] for finding in receipt["findings"]] == ["MAN-005"]


def test_a_receipt_says_why_and_what_the_operator_decided():
    incomplete, dismissed = (json.loads(receipt_json(view)) for view in samples.receipts()[2:])
    assert incomplete["reasons"] == [
        {
            "rule": "MAN-005", "message": "numbers.csv did not arrive within 15 minutes.",
            "fix": "Upload the file under exactly this name, or correct the name in the manifest.", "file": None,
            "row": None, "line": None, "path": "numbers[0].file", "suggestion": None, "count": 1,
        }
    ]  # fmt: skip
    assert (incomplete["report"], incomplete["report_json"]) == ("report.html", "report.json")
    assert dismissed["decision"] == {
        "what": "rejected", "who": "ann", "when": "2026-11-23T15:14:09Z", "reason": "wrong list."
    }  # fmt: skip
    assert dismissed["report_json"] == "../../20261123T151409Z-9f86d081/report.json"
    assert (dismissed["registered"], dismissed["program_state"]) == (0, None)


def test_a_registered_receipt_without_a_digest_is_not_valid():
    receipt = json.loads(receipt_json(replace(samples.receipts()[0], digest=None)))
    assert not validator("receipt").is_valid(receipt)


def test_times_are_utc_with_z_and_program_times_also_local():
    document = json.loads(report_json(samples.accepted()))
    assert document["submission"]["received_at"] == "2026-11-23T15:14:09Z"
    assert document["program"]["start"] == {"utc": "2027-01-04T15:00:00Z", "local": "2027-01-04T09:00:00-06:00"}
    assert document["program"]["end"] == {"utc": "2027-03-31T23:00:00Z", "local": "2027-03-31T18:00:00-05:00"}
    assert format_utc(samples.NOW.replace(microsecond=500)) == "2026-11-23T15:14:09.000500Z"


def test_totals_count_everything_and_shown_counts_what_is_listed():
    view = samples.hostile()
    document = json.loads(report_json(view))
    assert document["findings_total"] == sum(rule["count"] for rule in document["rules"]) == 5010
    assert document["findings_shown"] == len(document["findings"]) < 5010
    assert document["counts"]["read"] == sum(document["counts"][key] for key in ("accepted", "rejected", "ignored"))


def test_findings_on_rows_that_rejections_csv_does_not_list():
    view = samples.hostile()
    rows = replace(view.judgment.rows, unlisted=10)
    document = json.loads(report_json(replace(view, judgment=replace(view.judgment, rows=rows))))
    assert document["rejections_shown"] == document["rejections_total"] - 10
    assert document["rejections_total"] == sum(r["count"] for r in document["rules"] if r["id"][:3] in ("NUM", "PUR"))


def test_a_lone_surrogate_becomes_a_question_mark():
    view = replace(samples.unreadable(), drop="a\ud800b")
    assert json.loads(report_json(view).encode())["submission"]["drop"] == "a?b"


def test_the_same_values_give_the_same_text():
    assert report_json(samples.with_rejections()) == report_json(samples.with_rejections())
