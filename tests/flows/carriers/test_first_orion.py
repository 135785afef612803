"""First Orion's exchange API, against a stand-in made from its public pages."""

from dataclasses import replace

import pytest

from flows.carriers import CarrierDown, CarrierNumber, CarrierRefused, CarrierUnsure, Refusal
from flows.carriers.first_orion import FirstOrionOptions
from tests.flows.carriers.exchange import Exchange
from tests.flows.carriers.samples import BRANDING, PROGRAM, first_orion_carrier, numbers
from tests.flows.carriers.standin import Answer, once


@pytest.fixture
def exchange():
    server = Exchange()
    with server.running():
        yield server


def test_a_program_as_it_is_sent(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.set_branding(id, BRANDING, key="")
    carrier.end(id, PROGRAM, key="")
    assert exchange.book["p-0"].facts == {
        "programName": "Q1 Collections - collections-2027-q1",
        "active": True,
        "callPurposeCode": "CS",
        "dailyCallCountEstimateRangeId": 4,
        "authenticatedCalls": True,
        "schedules": [{"startTime": "1704380400", "endTime": "4078681200"}],
    }
    assert exchange.book["p-0"].branding["displayName"] == "Acme Bank Collections"
    assert exchange.schedules[0]["startTime"] == "1704380400"


def test_one_token_serves_many_calls_and_is_renewed_when_withdrawn(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.add_numbers(id, numbers(3), key="")
    assert len(exchange.tokens) == 1
    exchange.tokens.append("another")
    with pytest.raises(Exception, match="answered 401"):
        carrier.find(PROGRAM)
    assert carrier.find(PROGRAM) is not None


def test_only_what_is_missing_is_added(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.add_numbers(id, numbers(2), key="")
    carrier.add_numbers(id, numbers(4), key="")
    assert set(exchange.book["p-0"].arrivals.values()) == {1}


def test_a_lost_answer_is_not_sent_again_by_itself(exchange):
    carrier = first_orion_carrier(exchange.url)
    carrier.find(PROGRAM)
    exchange.faults = once(None, "lose")
    with pytest.raises(CarrierUnsure):
        carrier.create(PROGRAM, key="")
    assert len(exchange.book) == 1
    assert carrier.create(PROGRAM, key="") == carrier.find(PROGRAM).id
    assert len(exchange.book) == 1


def test_numbers_are_taken_out_in_the_portal(exchange):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    carrier.add_numbers(id, numbers(3), key="")
    with pytest.raises(CarrierRefused, match="do it in its portal, then retry"):
        carrier.remove_numbers(id, [5012149000], key="")
    del exchange.book["p-0"].numbers[5012149000]
    carrier.remove_numbers(id, [5012149000], key="")


def test_where_numbers_cannot_be_read_it_cannot_tell(exchange):
    exchange.tells_numbers = False
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


def test_two_programs_of_one_name_are_for_the_operator(exchange):
    carrier = first_orion_carrier(exchange.url)
    carrier.create(PROGRAM, key="")
    exchange.book["p-1"] = exchange.book["p-0"]
    with pytest.raises(CarrierRefused, match="has 2 programs named"):
        carrier.find(PROGRAM)


def answering(monkeypatch, exchange, method, end, body):
    """The exchange answers so to calls of this method whose path ends so, and else as it does."""
    usual = exchange.answer

    def odd(m, path, headers, content):
        return Answer(200, body) if (m, path.endswith(end)) == (method, True) else usual(m, path, headers, content)

    monkeypatch.setattr(exchange, "answer", odd)


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
def test_a_list_or_a_program_of_another_shape_tells_nothing(exchange, monkeypatch, body):
    carrier = first_orion_carrier(exchange.url)
    answering(monkeypatch, exchange, "GET", "/programs", body)
    with pytest.raises(CarrierDown, match=r"^First Orion's answer (lists no programs|names no program)$"):
        carrier.find(PROGRAM)
    answering(monkeypatch, exchange, "GET", "/programs", {"body": []})
    answering(monkeypatch, exchange, "POST", "/programs", body)
    with pytest.raises(CarrierUnsure, match=r"^First Orion's answer (lists no programs|names no program)$"):
        carrier.create(PROGRAM, key="")


@pytest.mark.parametrize("rejected", [None, [None], [{}], [{"phoneNumber": "+15012149000"}], [{"phoneNumber": 7}]])
def test_refusals_of_another_shape_tell_nothing(exchange, monkeypatch, rejected):
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    answering(monkeypatch, exchange, "POST", "/a-numbers", {"body": {"rejectedPhoneNumbers": rejected}})
    with pytest.raises(CarrierUnsure, match="First Orion's answer"):
        carrier.add_numbers(id, numbers(1), key="")


def test_a_refusal_s_reason_shows_no_number(exchange):
    exchange.refused = {5012149000: "501-214-9000 is\nanother's"}
    carrier = first_orion_carrier(exchange.url)
    id = carrier.create(PROGRAM, key="")
    assert carrier.add_numbers(id, numbers(2), key="") == (Refusal(5012149000, "+1501•••9000 is another's"),)


@pytest.mark.parametrize("token", [None, 7, "", "tökén", "a\nb"])
def test_a_token_that_is_none_is_said_so(exchange, monkeypatch, token):
    answering(monkeypatch, exchange, "POST", "v1/auth", {"token": token})
    with pytest.raises(CarrierDown, match=r"^First Orion's answer holds no token$"):
        first_orion_carrier(exchange.url).find(PROGRAM)


def test_options_are_checked():
    for key in ("", "schlüssel"):
        with pytest.raises(ValueError, match="expected an API key and a secret key"):
            FirstOrionOptions(api_key=key, secret_key="s")
    assert "secret" not in repr(FirstOrionOptions(api_key="secret", secret_key="secret"))[20:].replace("secret_key", "")
