import os
import shutil

import pytest
from sqlalchemy import create_engine, text

from flows.ledger.core.engine import Ledger
from flows.ledger.core.types import metadata
from tests.flows.ledger.driver import LedgerDriver
from tests.flows.ledger.postgres import POSTGRES_MISSING, find_postgres_binaries, running_postgres


@pytest.fixture(scope="session")
def postgres():
    """A function that creates a database on a real server and returns its URL."""
    if find_postgres_binaries() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(POSTGRES_MISSING)
        pytest.skip(POSTGRES_MISSING)
    with running_postgres() as url:
        admin = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")

        def create(name):
            with admin.connect() as conn:
                conn.execute(text(f"create database {name}"))
            return url.format(name)

        yield create
        admin.dispose()


@pytest.fixture(scope="session")
def postgres_ledger(postgres):
    """One ledger on PostgreSQL for all tests. Each test empties it first, which is much faster than a new database."""
    opened = Ledger.open(postgres("shared"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def empty_ledger_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def ledger(request, tmp_path):
    """An empty ledger, on each database."""
    if request.param == "postgresql":
        opened = request.getfixturevalue("postgres_ledger")
        empty_tables(opened)
        yield opened
        return
    path = shutil.copy(request.getfixturevalue("empty_ledger_file"), tmp_path / "ledger.db")
    opened = Ledger.open(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def driver(ledger):
    return LedgerDriver(ledger)


def empty_tables(opened):
    with opened.begin() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(table.delete())
