"""The First Orion carrier, against a fake of the exchange API made from its public documentation."""

from dataclasses import replace

import pytest

from flows.carriers import CarrierDown, CarrierNumber, CarrierRefused, CarrierUnsure, Refusal
from flows.carriers.first_orion import FirstOrionOptions
from tests.flows.carriers.exchange import Exchange
from tests.flows.carriers.fake_server import Answer, faults_in_order
from tests.flows.carriers.samples import BRANDING, PROGRAM, first_orion_carrier, numbers


@pytest.fixture
def exchange():
    server = Exchange()
    with server.running():
        yield server


def test_the_body_of_a_new_program(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.set_branding(id, BRANDING, key="")
    carrier.end(id, PROGRAM, key="")
    assert exchange.programs["p-0"].facts == {
        "programName": "Q1 Collections - collections-2027-q1",
        "active": True,
        "callPurposeCode": "CS",
        "dailyCallCountEstimateRangeId": 4,
        "authenticatedCalls": True,
        "schedules": [{"startTime": "1704380400", "endTime": "4078681200"}],
    }
    assert exchange.programs["p-0"].branding["displayName"] == "Acme Bank Collections"
    assert exchange.schedules[0]["startTime"] == "1704380400"


def test_a_token_is_reused_and_renewed_when_revoked(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.add_numbers(id, numbers(3), key="")
    assert len(exchange.tokens) == 1
    exchange.tokens.append("another")
    with pytest.raises(Exception, match="answered 401"):
        carrier.find(PROGRAM)
    assert carrier.find(PROGRAM) is not None


def test_adds_only_missing_numbers(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.add_numbers(id, numbers(2), key="")
    carrier.add_numbers(id, numbers(4), key="")
    assert set(exchange.programs["p-0"].arrivals.values()) == {1}


def test_a_call_with_a_lost_answer_is_not_repeated(exchange):
    carrier = first_orion_carrier(exchange.url)
    carrier.find(PROGRAM)
    exchange.faults = faults_in_order(None, "lose")
    with pytest.raises(CarrierUnsure):
        carrier.create(PROGRAM, key="")
    assert len(exchange.programs) == 1
    assert carrier.create(PROGRAM, key="") == carrier.find(PROGRAM).id
    assert len(exchange.programs) == 1


def test_numbers_are_removed_in_the_portal(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.add_numbers(id, numbers(3), key="")
    with pytest.raises(CarrierRefused, match="Remove them in its portal, then retry"):
        carrier.remove_numbers(id, [5012149000], key="")
    del exchange.programs["p-0"].numbers[5012149000]
    carrier.remove_numbers(id, [5012149000], key="")


def test_numbers_are_unknown_if_they_cannot_be_read(exchange):
    exchange.numbers_readable = False
    carrier = first_orion_carrier(exchange.url)
    carrier.create(PROGRAM, key="")
    assert carrier.find(PROGRAM, [5012149000]).numbers is None


def test_a_missing_setting_is_named(exchange):
    carrier = first_orion_carrier(exchange.url)
    with pytest.raises(CarrierRefused, match=r"^no First Orion id is set for other$"):
        carrier.create(replace(PROGRAM, business="other"), key="")
    with pytest.raises(CarrierRefused, match=r"^no First Orion id is set for acme-bank/Cards$"):
        carrier.create(replace(PROGRAM, business_unit="Cards"), key="")
    id = carrier.create(PROGRAM, key="")
    with pytest.raises(CarrierRefused, match=r"^no First Orion code is set for the call purpose Survey$"):
        carrier.add_numbers(id, [CarrierNumber(5012149000, "Survey")], key="")


def test_two_programs_with_one_name_are_refused(exchange):
    carrier = first_orion_carrier(exchange.url)
    carrier.create(PROGRAM, key="")
    exchange.programs["p-1"] = exchange.programs["p-0"]
    with pytest.raises(CarrierRefused, match="has 2 programs named"):
        carrier.find(PROGRAM)


def answer_with(monkeypatch, exchange, method, end, body):
    """Have the exchange answer calls of this method whose path ends in `end` with this body."""
    original = exchange.answer

    def patched(m, path, headers, content):
        return Answer(200, body) if (m, path.endswith(end)) == (method, True) else original(m, path, headers, content)

    monkeypatch.setattr(exchange, "answer", patched)


NAME = "Q1 Collections - collections-2027-q1"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"body": None},
        {"body": {"programs": None}},
        {"body": [7]},
        {"body": [{"programName": NAME}]},
        {"body": [{"programName": NAME, "programId": None}]},
        {"body": [{"programName": NAME, "programId": {}}]},
        {"body": [{"programName": NAME, "programId": "../../u-2"}]},
    ],
)
def test_a_list_or_program_of_another_shape_is_no_answer(exchange, monkeypatch, body):
    carrier = first_orion_carrier(exchange.url)
    answer_with(monkeypatch, exchange, "GET", "/programs", body)
    with pytest.raises(CarrierDown, match=r"^First Orion's answer (has no list of programs|has no program id)$"):
        carrier.find(PROGRAM)
    answer_with(monkeypatch, exchange, "GET", "/programs", {"body": []})
    answer_with(monkeypatch, exchange, "POST", "/programs", body)
    with pytest.raises(CarrierUnsure, match=r"^First Orion's answer (has no list of programs|has no program id)$"):
        carrier.create(PROGRAM, key="")


@pytest.mark.parametrize("rejected", [None, [None], [{}], [{"phoneNumber": "+15012149000"}], [{"phoneNumber": 7}]])
def test_refusals_of_another_shape_are_no_answer(exchange, monkeypatch, rejected):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    answer_with(monkeypatch, exchange, "POST", "/a-numbers", {"body": {"rejectedPhoneNumbers": rejected}})
    with pytest.raises(CarrierUnsure, match="First Orion's answer"):
        carrier.add_numbers(id, numbers(1), key="")


def test_the_reason_of_a_refusal_is_masked(exchange):
    exchange.refused = {5012149000: "501-214-9000 is\nanother's"}
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    assert carrier.add_numbers(id, numbers(2), key="") == (Refusal(5012149000, "+1501•••9000 is another's"),)


@pytest.mark.parametrize("token", [None, 7, "", "tökén", "a\nb"])
def test_an_invalid_token_is_reported(exchange, monkeypatch, token):
    answer_with(monkeypatch, exchange, "POST", "v1/auth", {"token": token})
    with pytest.raises(CarrierDown, match=r"^First Orion's answer has no token$"):
        first_orion_carrier(exchange.url).find(PROGRAM)


def test_options_are_checked():
    for key in ("", "schlüssel"):
        with pytest.raises(ValueError, match="expected an API key and a secret key"):
            FirstOrionOptions(api_key=key, secret_key="s")
    assert "secret" not in repr(FirstOrionOptions(api_key="secret", secret_key="secret"))[20:].replace("secret_key", "")
