"""The contents of an event, which never include a phone number."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

from flows.notifying.prefect_events import build_event

TRANSITION = {
    "id": 7,
    "at": datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
    "thing": "program",
    "business": "acme-bank",
    "reference": "q1",
    "revision": 1,
    "before": "scheduled",
    "after": "live",
    "cause": "start time reached",
}


def event_for(**changes):
    return build_event(SimpleNamespace(**TRANSITION | changes))


def test_an_event_has_the_facts_of_its_transition():
    assert event_for()["resource"]["prefect.resource.id"] == "launchdrop.program.acme-bank/q1"
    assert event_for()["payload"] == {k: v for k, v in TRANSITION.items() if k not in ("id", "at", "thing")}


def test_an_event_s_name_has_no_spaces():
    event = event_for(thing="branding", before=None, after="at the carrier")
    assert event["event"] == "launchdrop.branding.told"
    assert event["payload"]["after"] == "at the carrier"


def test_no_text_of_an_event_has_a_phone_number():
    events = [
        event_for(reference="5012149020", cause="dropped as 501-214-9020-fix"),
        event_for(business="b-501-214-9020", reference=None),
    ]
    assert all(number not in json.dumps(events) for number in ("501-214", "501214"))
    assert events[0]["resource"]["prefect.resource.name"] == "acme-bank/+1501•••9020"


def test_programs_that_look_the_same_when_masked_have_different_events():
    assert event_for(reference="5012149020")["id"] != event_for(reference="5012159020")["id"]
