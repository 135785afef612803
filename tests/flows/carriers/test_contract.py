"""What every carrier promises, tested on each kind of carrier."""

from dataclasses import dataclass

import pytest

from flows.carriers import Carrier, CarrierDown, CarrierUnsure, Refusal, clean_reason
from flows.carriers.opening import open_carrier
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.exchange import Exchange
from tests.flows.carriers.fake_server import FakeServer, faults_in_order
from tests.flows.carriers.samples import BRANDING, PROGRAM, first_orion_carrier, http_carrier, numbers


@dataclass
class CarrierUnderTest:
    carrier: Carrier
    server: FakeServer | None  # None for the embedded carrier, where nothing can be lost


@pytest.fixture(params=["local", "http", "first_orion"])
def tested(request):
    if request.param == "local":
        yield CarrierUnderTest(open_carrier("local", {}), None)
        return
    server = Endpoint() if request.param == "http" else Exchange()
    open_fake = http_carrier if request.param == "http" else first_orion_carrier
    with server.running():
        yield CarrierUnderTest(open_fake(server.url), server)
    assert server.violations == []


@pytest.fixture
def remote(tested):
    if tested.server is None:
        pytest.skip("the embedded carrier is not remote")
    return tested


def test_a_program_from_creation_to_its_end(tested):
    id = tested.carrier.create(PROGRAM, key="create")
    tested.carrier.set_branding(id, BRANDING, key="brand")
    assert tested.carrier.add_numbers(id, numbers(500), key="add") == ()
    tested.carrier.update(id, PROGRAM, key="update")
    tested.carrier.end(id, PROGRAM, key="end")


def test_a_repeat_with_the_same_key_has_no_further_effect(tested):
    ids = {tested.carrier.create(PROGRAM, key="create") for _ in range(2)}
    for _ in range(2):
        tested.carrier.add_numbers(min(ids), numbers(3), key="add")
    assert len(ids) == 1
    if tested.server:
        (program,) = tested.server.programs.values()
        assert program.arrivals == {number: 1 for number, _ in numbers(3)}


def test_finds_a_program_and_its_numbers(remote):
    assert remote.carrier.find(PROGRAM) is None
    id = remote.carrier.create(PROGRAM, key="create")
    remote.carrier.add_numbers(id, numbers(2), key="add")
    found = remote.carrier.find(PROGRAM, [n.number for n in numbers(3)])
    assert (found.id, found.numbers) == (id, {n.number for n in numbers(2)})


def test_returns_refused_numbers_with_their_reason(remote):
    remote.server.refused = {5012149001: "ALLOCATED_NUMBER"}
    id = remote.carrier.create(PROGRAM, key="create")
    assert remote.carrier.add_numbers(id, numbers(3), key="add") == (Refusal(5012149001, "ALLOCATED_NUMBER"),)


def test_a_carrier_that_asks_to_wait_has_done_nothing(remote):
    remote.server.faults = faults_in_order(*["503"] * 9)
    with pytest.raises(CarrierDown):
        remote.carrier.create(PROGRAM, key="create")
    assert remote.server.programs == {}


def test_an_address_without_a_server_is_down(tested):
    carrier = http_carrier("http://127.0.0.1:9")
    with pytest.raises(CarrierDown, match=r"cannot be reached \(ConnectError\)"):
        carrier.create(PROGRAM, key="create")


def test_after_a_lost_answer_the_outcome_is_unknown(remote):
    id = remote.carrier.create(PROGRAM, key="create")
    remote.server.faults = lambda: "lose" if remote.server.requests[-1][1].endswith("numbers") else None
    if not remote.carrier.honors_keys:
        remote.server.numbers_readable = True
        lost = iter([None, "lose"])  # the lookup gets an answer, the adding does not
        remote.server.faults = lambda: next(lost, None)
    with pytest.raises(CarrierUnsure):
        remote.carrier.add_numbers(id, numbers(3), key="add")
    remote.server.faults = lambda: None
    found = remote.carrier.find(PROGRAM, [n.number for n in numbers(3)])
    assert found.numbers == {n.number for n in numbers(3)}
    assert remote.carrier.add_numbers(id, numbers(3), key="add") == ()


def test_reasons_are_masked():
    assert (
        clean_reason("no: +1 (501) 214-9020, 5012149020\n15012149020") == "no: +1501•••9020, +1501•••9020 +1501•••9020"
    )
    assert clean_reason("code 404 of 2027-01-04") == "code 404 of 2027-01-04"


def test_an_unknown_carrier_is_named():
    with pytest.raises(ValueError, match="expected local, http or first_orion"):
        open_carrier("pigeon", {})
