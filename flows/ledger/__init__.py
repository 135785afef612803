"""What is known: the one truth about businesses, submissions, programs and their numbers, on SQLite or PostgreSQL.

`Ledger` opens it and gives transactions; what can be asked of it and done to it are functions in the modules beside,
each taking a connection of such a transaction, and `now` where time matters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError, OperationalError

from flows.ledger import sightings, tables, traces
from flows.ledger.errors import LeaseLost, LedgerError, Outdated
from flows.ledger.opening import connectable, migrate, reason_of

__all__ = ["Connection", "LeaseLost", "Ledger", "LedgerError", "Outdated", "Row", "sightings", "tables", "traces"]


class Ledger:
    """An open ledger. `begin()` gives a write transaction, `read()` one that only reads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Open the ledger at a SQLAlchemy URL, created or migrated up as needed.

        Raises LedgerError, in one line, when it cannot be reached or its schema is newer than this launchdrop's.
        """
        engine = connectable(url)
        try:
            migrate(engine)
        except DBAPIError as error:
            engine.dispose()
            raise LedgerError(f"the ledger at {engine.url!r} cannot be opened: {reason_of(error)}") from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction, committed at the end; on SQLite it has the write lock from its start.

        Raises LedgerError, in one line, where the database cannot do it: a full disk, a server that went away.
        """
        with self._plain(), self.engine.connect().execution_options(writes=True) as conn, conn.begin():
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: it never waits for a writer. Raises LedgerError as `begin` does."""
        with self._plain(), self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def _plain(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, self._driver.OperationalError) as error:  # by itself, what is copied in bulk
            raise LedgerError(f"the ledger at {self.engine.url!r} cannot be used: {reason_of(error)}") from error

    @property
    def _driver(self) -> Any:
        return self.engine.dialect.loaded_dbapi

    @property
    def url(self) -> str:
        """By which another process opens the same, from whatever folder it runs in. Has the password."""
        url = self.engine.url
        if url.get_backend_name() == "sqlite":
            url = url.set(database=str(Path(url.database or "").absolute()))
        return url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
