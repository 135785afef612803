"""What an event tells: no number, wherever one stands."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

from flows.notifying.prefect_events import event

MOVE = {
    "id": 7,
    "at": datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
    "thing": "program",
    "business": "acme-bank",
    "reference": "q1",
    "revision": 1,
    "before": "scheduled",
    "after": "live",
    "cause": "its start has come",
}


def told(**move):
    return event(SimpleNamespace(**MOVE | move))


def test_a_move_is_told_as_it_is():
    assert told()["resource"]["prefect.resource.id"] == "launchdrop.program.acme-bank/q1"
    assert told()["payload"] == {k: v for k, v in MOVE.items() if k not in ("id", "at", "thing")}


def test_its_name_has_no_spaces():
    told_to = told(thing="branding", before=None, after="at the carrier")
    assert told_to["event"] == "launchdrop.branding.told"
    assert told_to["payload"]["after"] == "at the carrier"


def test_no_text_of_an_event_shows_a_number():
    moves = [
        told(reference="5012149020", cause="dropped as 501-214-9020-fix"),
        told(business="b-501-214-9020", reference=None),
    ]
    assert all(number not in json.dumps(moves) for number in ("501-214", "501214"))
    assert moves[0]["resource"]["prefect.resource.name"] == "acme-bank/+1501•••9020"


def test_programs_that_look_alike_when_masked_are_events_of_their_own():
    assert told(reference="5012149020")["id"] != told(reference="5012159020")["id"]
