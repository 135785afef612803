"""The HTTP carrier: keys, signatures, retries, waits, and error messages."""

import logging
import time

import pytest
from httpx import Response
from openapi_spec_validator import validate

from flows.carriers import CarrierDown, CarrierRefused, CarrierUnsure
from flows.carriers.breaker import CircuitBreaker
from flows.carriers.calls import Call, _parse_response
from flows.carriers.http import HttpOptions
from flows.carriers.opening import open_carrier
from tests.flows.carriers.endpoint import Endpoint, document
from tests.flows.carriers.fake_server import FAULTS_AFTER, FAULTS_BEFORE, Answer, faults_in_order, random_faults
from tests.flows.carriers.samples import BRANDING, PROGRAM, http_carrier, numbers


@pytest.fixture
def endpoint():
    server = Endpoint()
    with server.running():
        yield server
    assert server.violations == []


def test_the_document_is_valid_openapi():
    validate(document())


@pytest.mark.parametrize("fault", FAULTS_BEFORE + FAULTS_AFTER)
def test_after_one_fault_of_any_kind_each_number_arrives_once(endpoint, fault):
    endpoint.slow_seconds = 1.0
    carrier = http_carrier(endpoint.url, timeout=0.5 if fault == "slow" else 10)
    id = carrier.create(PROGRAM, key="create")
    endpoint.faults = faults_in_order(fault)
    assert carrier.add_numbers(id, numbers(500), key="add") == ()
    carrier.set_branding(id, BRANDING, key="brand")
    assert set(endpoint.programs[id].arrivals.values()) == {1}
    assert endpoint.programs[id].branding["call_reason"] == "Payment reminder"


def test_after_many_random_faults_each_number_arrives_once(endpoint):
    endpoint.faults, endpoint.slow_seconds = random_faults(7, 0.3), 0.8
    carrier = http_carrier(endpoint.url, timeout=0.4, tries=12)
    id = carrier.create(PROGRAM, key="create")
    for start in range(0, 2000, 100):
        carrier.add_numbers(id, numbers(100, first=5012140000 + start), key=f"add {start}")
    assert len(endpoint.programs[id].numbers) == 2000
    assert set(endpoint.programs[id].arrivals.values()) == {1}


def test_removes_numbers_and_ends_a_program(endpoint):
    carrier = http_carrier(endpoint.url)
    id = carrier.create(PROGRAM, key="create")
    carrier.add_numbers(id, numbers(3), key="add")
    carrier.remove_numbers(id, [5012149000], key="remove")
    assert set(endpoint.programs[id].numbers) == {5012149001, 5012149002}
    carrier.set_branding(id, None, key="unbrand")
    carrier.end(id, PROGRAM, key="end")
    carrier.end(id, PROGRAM, key="end")
    assert endpoint.programs[id].ended


def test_waits_if_the_wait_is_short_and_fails_if_it_is_long(endpoint):
    carrier = http_carrier(endpoint.url)
    endpoint.faults = faults_in_order("503")
    carrier.create(PROGRAM, key="create")
    assert len(endpoint.requests) == 2
    endpoint.refuses = Answer(429, None, {"retry-after": "90"})
    with pytest.raises(CarrierDown, match=r"^the carrier asks to wait \(429\)$") as caught:
        carrier.end("acme-bank~collections-2027-q1", PROGRAM, key="end")
    assert caught.value.retry_after == 90
    assert len(endpoint.requests) == 3


def test_the_next_pass_respects_the_wait_too(endpoint):
    endpoint.refuses = Answer(503, None, {"retry-after": "90"})
    for _ in range(3):
        with pytest.raises(CarrierDown):
            http_carrier(endpoint.url).create(PROGRAM, key="create")
    assert len(endpoint.requests) == 1


def test_try_again_later_after_a_lost_answer_means_unknown(endpoint):
    endpoint.faults = faults_in_order("lose", "503", "503", "503")
    with pytest.raises(CarrierUnsure, match="asks to wait"):
        http_carrier(endpoint.url).create(PROGRAM, key="create")
    assert len(endpoint.programs) == 1


def test_the_reason_of_a_refusal_is_masked(endpoint):
    endpoint.refuses = Answer(422, {"detail": "+15012149020 is\nnot yours"})
    with pytest.raises(CarrierRefused, match=r"^\+1501•••9020 is not yours$"):
        http_carrier(endpoint.url).create(PROGRAM, key="create")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405])
def test_a_wrong_setting_does_not_refuse_the_program(endpoint, status):
    endpoint.refuses = Answer(status, {"detail": "?"})
    with pytest.raises(CarrierDown, match=f"answered {status}: check its address, secret and permissions"):
        http_carrier(endpoint.url, tries=1).create(PROGRAM, key="create")


@pytest.mark.parametrize("body", [None, [], {"id": 7}, {"other": 1}, {"id": ""}, {"id": "\ud800"}, {"id": "x" * 201}])
def test_an_answer_of_another_shape_counts_as_lost(endpoint, body):
    endpoint.refuses = Answer(200, body)
    with pytest.raises(CarrierUnsure, match="has no valid id"):
        http_carrier(endpoint.url).create(PROGRAM, key="create")


def test_deeply_nested_json_counts_as_lost_and_gives_no_reason():
    call = Call(method="GET", path="", effect="none", sign=lambda _: {})
    nested = b"[" * 100_000
    with pytest.raises(CarrierUnsure, match="is not JSON"):
        _parse_response(call, Response(200), nested)
    with pytest.raises(CarrierRefused, match="answered 422"):
        _parse_response(call, Response(422), nested)


@pytest.mark.parametrize("date", ["soon", "Mon, 01 Jan 99999999999999 00:00:00 GMT"])
def test_an_invalid_retry_after_is_ignored(date):
    call = Call(method="GET", path="", effect="none", sign=lambda _: {})
    with pytest.raises(CarrierDown, match="asks to wait") as caught:
        _parse_response(call, Response(503, headers={"retry-after": date}), b"")
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    "url",
    ["carrier.example", "http://h:port/", "http://h:99999/", "http://[::1", "http://a..b/", "https://u:secret@h/"],
)
def test_an_invalid_address_is_reported(url):
    with pytest.raises(ValueError, match=r"^the carrier's address: expected https://host/path") as caught:
        open_carrier("http", {"url": url, "secret": "whsec_AAAA"})
    assert "secret@" not in str(caught.value)


def test_an_answer_that_trickles_in_counts_as_lost(endpoint):
    endpoint.slow_seconds, endpoint.faults = 0.3, faults_in_order(*["slow"] * 9)
    started = time.monotonic()
    with pytest.raises(CarrierUnsure):
        http_carrier(endpoint.url, timeout=0.05).create(PROGRAM, key="create")
    assert time.monotonic() - started < 2


def test_logs_contain_no_number_and_no_secret(endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    endpoint.refused, endpoint.faults = {5012149000: "taken: 5012149000"}, faults_in_order(None, "lose", "500")
    carrier = http_carrier(endpoint.url)
    id = carrier.create(PROGRAM, key="create")
    (refusal,) = carrier.add_numbers(id, numbers(3), key="add")
    assert refusal.reason == "taken: +1501•••9000"
    assert caplog.records
    assert "5012149" not in caplog.text
    assert "c3RhbmQ" not in caplog.text


@pytest.mark.parametrize("secret", ["whsec_", "abc", "c3RhbmQtaW4gc2VjcmV0", "whsec_*"])
def test_secrets_are_checked(secret):
    with pytest.raises(ValueError, match=r"^the carrier's secret: expected whsec_ and base64$"):
        open_carrier("http", {"url": "https://carrier.example", "secret": secret})


def test_options_do_not_reveal_the_secret():
    assert "AAAA" not in repr(HttpOptions(url="https://carrier.example", secret="whsec_AAAA"))


def test_cooldowns_grow_until_an_answer():
    now = 0.0
    breaker = CircuitBreaker(cooldown=5, clock=lambda: now)
    breaker.require_closed()
    for cooldown in (5, 10, 20):
        breaker.record_failure(None)
        with pytest.raises(CarrierDown) as caught:
            breaker.require_closed()
        assert caught.value.retry_after == cooldown
        now += cooldown
        breaker.require_closed()
    for _ in range(20):
        breaker.record_failure(None)
    assert breaker.open_until - now == 300
    breaker.record_failure(1000)
    assert breaker.open_until - now == 1000
    breaker.record_answer()
    breaker.require_closed()


def test_the_breaker_opens_after_two_calls_with_lost_answers():
    breaker = CircuitBreaker(cooldown=5)
    breaker.record_failure(None, down=False)
    breaker.require_closed()
    breaker.record_failure(None, down=False)
    with pytest.raises(CarrierDown, match="the next call is in"):
        breaker.require_closed()
