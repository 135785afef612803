"""The operator's endpoint: keys, signatures, retries, waiting, and words."""

import logging
import time

import pytest
from httpx import Response
from openapi_spec_validator import validate

from flows.carriers import CarrierDown, CarrierRefused, CarrierUnsure
from flows.carriers.breaker import CircuitBreaker
from flows.carriers.calls import Call, _meaning
from flows.carriers.http import HttpOptions
from flows.carriers.opening import open_carrier
from tests.flows.carriers.endpoint import Endpoint, document
from tests.flows.carriers.samples import BRANDING, PROGRAM, http_carrier, numbers
from tests.flows.carriers.standin import AFTER, BEFORE, Answer, at_random, once


@pytest.fixture
def endpoint():
    server = Endpoint()
    with server.running():
        yield server
    assert server.violations == []


def test_the_document_is_openapi():
    validate(document())


@pytest.mark.parametrize("fault", BEFORE + AFTER)
def test_one_fault_of_any_kind_is_overcome_and_counts_once(endpoint, fault):
    endpoint.slow_seconds = 1.0
    carrier = http_carrier(endpoint.url, timeout=0.5 if fault == "slow" else 10)
    id = carrier.create(PROGRAM, key="create")
    endpoint.faults = once(fault)
    assert carrier.add_numbers(id, numbers(500), key="add") == ()
    carrier.set_branding(id, BRANDING, key="brand")
    assert set(endpoint.book[id].arrivals.values()) == {1}
    assert endpoint.book[id].branding["call_reason"] == "Payment reminder"


def test_many_faults_at_random_count_once(endpoint):
    endpoint.faults, endpoint.slow_seconds = at_random(7, 0.3), 0.8
    carrier = http_carrier(endpoint.url, timeout=0.4, tries=12)
    id = carrier.create(PROGRAM, key="create")
    for start in range(0, 2000, 100):
        carrier.add_numbers(id, numbers(100, first=5012140000 + start), key=f"add {start}")
    assert len(endpoint.book[id].numbers) == 2000
    assert set(endpoint.book[id].arrivals.values()) == {1}


def test_removing_and_ending(endpoint):
    carrier = http_carrier(endpoint.url)
    id = carrier.create(PROGRAM, key="create")
    carrier.add_numbers(id, numbers(3), key="add")
    carrier.remove_numbers(id, [5012149000], key="remove")
    assert set(endpoint.book[id].numbers) == {5012149001, 5012149002}
    carrier.set_branding(id, None, key="unbrand")
    carrier.end(id, PROGRAM, key="end")
    carrier.end(id, PROGRAM, key="end")
    assert endpoint.book[id].ended


def test_a_short_wait_is_waited_and_a_long_one_is_told(endpoint):
    carrier = http_carrier(endpoint.url)
    endpoint.faults = once("503")
    carrier.create(PROGRAM, key="create")
    assert len(endpoint.requests) == 2
    endpoint.refuses = Answer(429, None, {"retry-after": "90"})
    with pytest.raises(CarrierDown, match=r"^the carrier asks to wait \(429\)$") as caught:
        carrier.end("acme-bank~collections-2027-q1", PROGRAM, key="end")
    assert caught.value.retry_after == 90
    assert len(endpoint.requests) == 3


def test_a_carrier_that_asked_to_wait_is_not_asked_by_the_next_pass_either(endpoint):
    endpoint.refuses = Answer(503, None, {"retry-after": "90"})
    for _ in range(3):
        with pytest.raises(CarrierDown):
            http_carrier(endpoint.url).create(PROGRAM, key="create")
    assert len(endpoint.requests) == 1


def test_down_after_a_lost_answer_is_still_unknown(endpoint):
    endpoint.faults = once("lose", "503", "503", "503")
    with pytest.raises(CarrierUnsure, match="asks to wait"):
        http_carrier(endpoint.url).create(PROGRAM, key="create")
    assert len(endpoint.book) == 1


def test_a_refusal_gives_its_reason_without_numbers(endpoint):
    endpoint.refuses = Answer(422, {"detail": "+15012149020 is\nnot yours"})
    with pytest.raises(CarrierRefused, match=r"^\+1501•••9020 is not yours$"):
        http_carrier(endpoint.url).create(PROGRAM, key="create")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405])
def test_a_wrong_setting_is_no_fault_of_the_program(endpoint, status):
    endpoint.refuses = Answer(status, {"detail": "?"})
    with pytest.raises(CarrierDown, match=f"answered {status}: its address, secret or permissions need the operator"):
        http_carrier(endpoint.url, tries=1).create(PROGRAM, key="create")


@pytest.mark.parametrize("body", [None, [], {"id": 7}, {"other": 1}, {"id": ""}, {"id": "\ud800"}, {"id": "x" * 201}])
def test_an_answer_of_another_shape_tells_nothing(endpoint, body):
    endpoint.refuses = Answer(200, body)
    with pytest.raises(CarrierUnsure, match="no id as agreed"):
        http_carrier(endpoint.url).create(PROGRAM, key="create")


def test_lists_without_end_are_no_answer_and_no_reason():
    call = Call(method="GET", path="", effect="none", sign=lambda _: {})
    endless = b"[" * 100_000
    with pytest.raises(CarrierUnsure, match="is not JSON"):
        _meaning(call, Response(200), endless)
    with pytest.raises(CarrierRefused, match="answered 422"):
        _meaning(call, Response(422), endless)


@pytest.mark.parametrize("date", ["soon", "Mon, 01 Jan 99999999999999 00:00:00 GMT"])
def test_a_date_to_wait_until_that_is_none_is_passed_over(date):
    call = Call(method="GET", path="", effect="none", sign=lambda _: {})
    with pytest.raises(CarrierDown, match="asks to wait") as told:
        _meaning(call, Response(503, headers={"retry-after": date}), b"")
    assert told.value.retry_after is None


@pytest.mark.parametrize(
    "url",
    ["carrier.example", "http://h:port/", "http://h:99999/", "http://[::1", "http://a..b/", "https://u:secret@h/"],
)
def test_an_address_that_is_none_is_said_so(url):
    with pytest.raises(ValueError, match=r"^the carrier's address: expected https://host/path") as told:
        open_carrier("http", {"url": url, "secret": "whsec_AAAA"})
    assert "secret@" not in str(told.value)


def test_an_answer_that_dribbles_is_lost(endpoint):
    endpoint.slow_seconds, endpoint.faults = 0.3, once(*["slow"] * 9)
    begun = time.monotonic()
    with pytest.raises(CarrierUnsure):
        http_carrier(endpoint.url, timeout=0.05).create(PROGRAM, key="create")
    assert time.monotonic() - begun < 2


def test_no_number_and_no_secret_is_logged(endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    endpoint.refused, endpoint.faults = {5012149000: "taken: 5012149000"}, once(None, "lose", "500")
    carrier = http_carrier(endpoint.url)
    id = carrier.create(PROGRAM, key="create")
    (refusal,) = carrier.add_numbers(id, numbers(3), key="add")
    assert refusal.reason == "taken: +1501•••9000"
    assert caplog.records
    assert "5012149" not in caplog.text
    assert "c3RhbmQ" not in caplog.text


def test_options_are_checked_and_keep_their_secret():
    with pytest.raises(ValueError, match=r"^the carrier's secret: expected whsec_ and base64$"):
        open_carrier("http", {"url": "https://carrier.example", "secret": "whsec_"})
    assert "AAAA" not in repr(HttpOptions(url="https://carrier.example", secret="whsec_AAAA"))


def test_rests_grow_until_an_answer():
    now = 0.0
    breaker = CircuitBreaker(rest=5, clock=lambda: now)
    breaker.check()
    for rest in (5, 10, 20):
        breaker.failed(None)
        with pytest.raises(CarrierDown) as caught:
            breaker.check()
        assert caught.value.retry_after == rest
        now += rest
        breaker.check()
    for _ in range(20):
        breaker.failed(None)
    assert breaker.asked_again_at - now == 300
    breaker.failed(1000)
    assert breaker.asked_again_at - now == 1000
    breaker.answered()
    breaker.check()


def test_one_call_whose_answers_stay_lost_lets_the_others_through():
    breaker = CircuitBreaker(rest=5)
    breaker.failed(None, down=False)
    breaker.check()
    breaker.failed(None, down=False)
    with pytest.raises(CarrierDown, match="asked again in"):
        breaker.check()
