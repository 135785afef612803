"""What the page says where the manifest has no valid value."""

from datetime import UTC, datetime

import pytest

from reports.program_facts import list_program_facts
from reports.views import SubmissionView
from tests.schemas.drop_cases import load_cases

NOW = datetime(2026, 12, 1, tzinfo=UTC)
CASES = {str(case): case for case in load_cases()}


@pytest.mark.parametrize(
    ("case", "absences"),
    [
        ("MAN-003/breaks-missing", {"Starts": "missing", "Ends": "missing"}),
        ("MAN-004/breaks-date-alone", {"Starts": "not valid", "Ends": "not known, because schedule has errors"}),
        ("MAN-004/breaks-impossible-dates", {"Starts": "not valid", "Ends": "not valid"}),
        (
            "SCH-001/breaks-offset",
            dict.fromkeys(["Starts", "Ends"], "not known, because schedule has errors"),
        ),
        ("SCH-009/breaks-est-in-summer", {}),
    ],
)
def test_an_absent_value_is_missing_or_not_valid(case, absences):
    judgment = CASES[case].judge()
    view = SubmissionView(
        id="20261201T000000Z-00000000", digest="0" * 64, received_at=NOW, now=NOW, judgment=judgment, business="acme"
    )
    facts = {fact.label: fact.absence for fact in list_program_facts(view) if not fact.value}
    assert {label: absence for label, absence in facts.items() if label in ("Starts", "Ends")} == absences
