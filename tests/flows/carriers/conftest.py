import pytest

from tests.flows.carriers.samples import OPENED


@pytest.fixture(autouse=True)
def close_carriers():
    yield
    while OPENED:
        OPENED.pop().close()
