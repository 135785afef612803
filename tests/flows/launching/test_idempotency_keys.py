"""Idempotency keys stay the same from release to release: an upgrade may come in the middle of a launch."""

from datetime import UTC, datetime
from types import SimpleNamespace

from flows.carriers import CarrierProgram
from flows.launching.carrier_job import _idempotency_key

JOB = SimpleNamespace(business="acme-bank", reference="q1", revision=2)
PROGRAM = CarrierProgram(
    business="acme-bank",
    reference="q1",
    business_unit="Cards",
    type="INFORM",
    name="Orders",
    call_purpose="Survey",
    description="Calls.",
    start=datetime(2030, 1, 7, 15, tzinfo=UTC),
    end=datetime(2030, 3, 29, 23, tzinfo=UTC),
    timezone="America/Chicago",
)


def test_the_keys_are_those_of_the_first_release():
    assert _idempotency_key(JOB, "create", PROGRAM) == "6d2565c929052505eb3d3b62a83ccdf7a57a1a22"
    end = _idempotency_key(JOB, "end", "id-1", PROGRAM.start, PROGRAM.end)
    assert end == "7228f52e7f0cc6c8fb936160a4dadfbcb8825a29"
