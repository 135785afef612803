"""What holds of every carrier."""

from dataclasses import dataclass

import pytest

from flows.carriers import Carrier, CarrierDown, CarrierUnsure, Refusal, clean_reason
from flows.carriers.opening import open_carrier
from tests.flows.carriers.endpoint import Endpoint
from tests.flows.carriers.exchange import Exchange
from tests.flows.carriers.samples import BRANDING, PROGRAM, first_orion_carrier, http_carrier, numbers
from tests.flows.carriers.standin import Server, once


@dataclass
class Tried:
    carrier: Carrier
    server: Server | None  # None: the embedded one, where nothing can be lost


@pytest.fixture(params=["local", "http", "first_orion"])
def tried(request):
    if request.param == "local":
        yield Tried(open_carrier("local", {}), None)
        return
    server = Endpoint() if request.param == "http" else Exchange()
    opened = http_carrier if request.param == "http" else first_orion_carrier
    with server.running():
        yield Tried(opened(server.url), server)
    assert server.violations == []


@pytest.fixture
def remote(tried):
    if tried.server is None:
        pytest.skip("nothing is remote about the embedded carrier")
    return tried


def test_a_program_goes_through_its_life(tried):
    id = tried.carrier.create(PROGRAM, key="create")
    tried.carrier.set_branding(id, BRANDING, key="brand")
    assert tried.carrier.add_numbers(id, numbers(500), key="add") == ()
    tried.carrier.update(id, PROGRAM, key="update")
    tried.carrier.end(id, PROGRAM, key="end")


def test_a_repeat_under_the_same_key_changes_nothing_more(tried):
    ids = {tried.carrier.create(PROGRAM, key="create") for _ in range(2)}
    for _ in range(2):
        tried.carrier.add_numbers(min(ids), numbers(3), key="add")
    assert len(ids) == 1
    if tried.server:
        (program,) = tried.server.book.values()
        assert program.arrivals == {number: 1 for number, _ in numbers(3)}


def test_what_is_there_is_found(remote):
    assert remote.carrier.find(PROGRAM) is None
    id = remote.carrier.create(PROGRAM, key="create")
    remote.carrier.add_numbers(id, numbers(2), key="add")
    found = remote.carrier.find(PROGRAM, [n.number for n in numbers(3)])
    assert (found.id, found.numbers) == (id, {n.number for n in numbers(2)})


def test_refused_numbers_come_back_with_their_reason(remote):
    remote.server.refused = {5012149001: "ALLOCATED_NUMBER"}
    id = remote.carrier.create(PROGRAM, key="create")
    assert remote.carrier.add_numbers(id, numbers(3), key="add") == (Refusal(5012149001, "ALLOCATED_NUMBER"),)


def test_a_carrier_that_asks_to_wait_did_nothing(remote):
    remote.server.faults = once(*["503"] * 9)
    with pytest.raises(CarrierDown):
        remote.carrier.create(PROGRAM, key="create")
    assert remote.server.book == {}


def test_an_address_where_nobody_listens_is_down(tried):
    carrier = http_carrier("http://127.0.0.1:9")
    with pytest.raises(CarrierDown, match=r"cannot be reached \(ConnectError\)"):
        carrier.create(PROGRAM, key="create")


def test_an_answer_that_stays_lost_leaves_the_fate_unknown(remote):
    id = remote.carrier.create(PROGRAM, key="create")
    remote.server.faults = lambda: "lose" if remote.server.requests[-1][1].endswith("numbers") else None
    if not remote.carrier.honors_keys:
        remote.server.tells_numbers = True
        lost = iter([None, "lose"])  # the look-up is answered, the adding is not
        remote.server.faults = lambda: next(lost, None)
    with pytest.raises(CarrierUnsure):
        remote.carrier.add_numbers(id, numbers(3), key="add")
    remote.server.faults = lambda: None
    found = remote.carrier.find(PROGRAM, [n.number for n in numbers(3)])
    assert found.numbers == {n.number for n in numbers(3)}
    assert remote.carrier.add_numbers(id, numbers(3), key="add") == ()


def test_a_carrier_s_words_are_masked():
    assert clean_reason("no: +1 (501) 214-9020, 5012149020\n15012149020") == "no: +1501•••9020, +1501•••9020 +1501•••9020"
    assert clean_reason("code 404 of 2027-01-04") == "code 404 of 2027-01-04"


def test_an_unknown_carrier_is_named():
    with pytest.raises(ValueError, match="expected local, http or first_orion"):
        open_carrier("pigeon", {})
