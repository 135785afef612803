import os
import shutil

import pytest
from sqlalchemy import create_engine, text

from flows.ledger.core.engine import Ledger
from flows.ledger.core.types import metadata
from tests.flows.ledger.postgres import MISSING, binaries, running
from tests.flows.ledger.samples import Desk


@pytest.fixture(scope="session")
def postgres():
    """Makes a database on a real server; gives its URL."""
    if binaries() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with running() as url:
        admin = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")

        def make(name):
            with admin.connect() as conn:
                conn.execute(text(f"create database {name}"))
            return url.format(name)

        yield make
        admin.dispose()


@pytest.fixture(scope="session")
def shared(postgres):
    """One ledger on PostgreSQL for all tests, each of which empties it first: far quicker than a database each."""
    opened = Ledger.open(postgres("shared"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    path = tmp_path_factory.mktemp("blank") / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def ledger(request, tmp_path):
    """An empty ledger, on either database."""
    if request.param == "postgresql":
        opened = request.getfixturevalue("shared")
        emptied(opened)
        yield opened
        return
    path = shutil.copy(request.getfixturevalue("blank"), tmp_path / "ledger.db")
    opened = Ledger.open(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def desk(ledger):
    return Desk(ledger)


def emptied(opened):
    with opened.begin() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(table.delete())
