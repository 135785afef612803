import pytest

from tests.flows.carriers.samples import OPENED


@pytest.fixture(autouse=True)
def closed_after_use():
    yield
    while OPENED:
        OPENED.pop().close()
