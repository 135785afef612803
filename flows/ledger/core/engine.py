"""Opens a ledger: reaches the database, brings its schema up to date, and gives transactions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from sqlalchemy import URL, Connection, Engine, Row, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from flows.ledger.core.errors import LedgerError

__all__ = [
    "MAX_CLOCK_SKEW",
    "Connection",
    "Ledger",
    "Row",
    "configure_alembic",
    "create_ledger_engine",
    "database_file",
    "database_now",
    "first_error_line",
    "migrate_schema",
]

#: The schema's revisions, oldest first; the last is the one this code speaks.
SCHEMA_REVISIONS = ("0001", "0002")

#: Seconds a writer waits for another one before it gives up; registering a million numbers takes less.
LOCK_TIMEOUT_SECONDS = 60

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a launch that was recorded must not be forgotten by a power cut
    f"PRAGMA busy_timeout={LOCK_TIMEOUT_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)

#: For PostgreSQL, where the URL says nothing else: how long it takes to see, on either side, that the other is gone
#: without a word (a cable, a failover), and what it held must not be held for hours; how long a lock is waited for.
_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_LIMITS: dict[str, int | str] = {
    "connect_timeout": 10,
    "tcp_user_timeout": 60_000,
    **_ALIVE,
    "options": " ".join(
        [f"-c tcp_{name}={value}" for name, value in _ALIVE.items()] + [f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s"],
    ),
}

#: Taken while the schema is looked at and changed, so that two processes that start at once do not both create it.
_MIGRATION_LOCK = 0x1A04C4D0


def create_ledger_engine(url: str) -> Engine:
    """The engine for a ledger's URL: sqlite or postgresql (through psycopg 3); LedgerError for any other."""
    parsed = _parsed(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed.render_as_string(hide_password=False), parsed.database)
        if parsed.get_backend_name() == "postgresql":
            there = parsed.set(drivername="postgresql+psycopg")
            limits = {name: limit for name, limit in _LIMITS.items() if name not in parsed.query}
            return create_engine(there, connect_args=limits, pool_pre_ping=True, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerError(f"not a ledger's URL: {error}".splitlines()[0]) from error
    raise LedgerError(f"the ledger speaks sqlite and postgresql, not {parsed.get_backend_name()}")


def _parsed(url: str) -> URL:
    """A ledger's URL in its parts, the password where it is never shown; LedgerError where it has not the form of one.

    What stands where the port should may be a part of the password: it is not repeated.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LedgerError(f"not a ledger's URL: {error}".splitlines()[0]) from error
    except ValueError:
        raise LedgerError("not a ledger's URL: its port is no number; in a password write @ as %40, : as %3A") from None
    password = parsed.query.get("password")
    if not isinstance(password, str):
        return parsed
    return parsed.difference_update_query(["password"]).set(password=password)


def _sqlite(url: str, database: str | None) -> Engine:
    if not database or database == ":memory:":
        raise LedgerError("the ledger needs a file: sqlite:///path/to/ledger.db")
    try:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"the ledger's folder {Path(database).parent} cannot be made: {error.strerror}") from error
    # Numbers are in it in clear: they are its owner's and group's to read. The files that SQLite makes beside it take
    # its mode; what is wrong with the place is told when it is opened.
    with suppress(OSError):
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o660))
    # Numbers are among the parameters of statements, and an error's text would show them.
    engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def database_file(url: str) -> Path | None:
    """The file of a ledger on SQLite; None: it has a server. LedgerError where the URL is none."""
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


#: Clocks that differ by more make programs launch early, and leases run out while they are held.
MAX_CLOCK_SKEW = timedelta(seconds=5)


def database_now(conn: Connection) -> datetime | None:
    """What time it is at the ledger's server; None: it has none."""
    return conn.execute(text("select clock_timestamp()")).scalar() if conn.dialect.name == "postgresql" else None


def _prepare(raw: SQLiteConnection, _record: Any) -> None:
    # The driver's own transactions begin too late and end at DDL; ours are said aloud.
    raw.isolation_level = None
    for pragma in _PRAGMAS:
        raw.execute(pragma)


def _begin(conn: Connection) -> None:
    # A writer that first reads and then upgrades its lock can fail at once whatever the timeout; so it asks first.
    writes = conn.get_execution_options().get("writes", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate_schema(engine: Engine) -> None:
    """Bring the schema up to the last of SCHEMAS; LedgerError when it is newer than that."""
    with engine.connect() as conn, conn.begin():
        if _stamp(conn, engine) == SCHEMA_REVISIONS[-1]:
            return
    with engine.connect().execution_options(writes=True) as conn, conn.begin():
        if conn.dialect.name == "postgresql":
            conn.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        if _stamp(conn, engine) != SCHEMA_REVISIONS[-1]:
            _upgrade(conn)


def _stamp(conn: Connection, engine: Engine) -> str | None:
    """The schema's revision; None for a new ledger."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    stamp = conn.execute(text("select version_num from alembic_version")).scalar()
    if stamp is not None and stamp not in SCHEMA_REVISIONS:
        raise LedgerError(
            f"the ledger at {engine.url!r} has schema {stamp}; this launchdrop knows up to {SCHEMA_REVISIONS[-1]}: "
            "upgrade launchdrop, or use the one that wrote the ledger"
        )
    return None if stamp is None else str(stamp)


def _upgrade(conn: Connection) -> None:
    # Imported here: opening an up-to-date ledger, as every command does, has no use for it.
    from alembic import command
    from alembic.config import Config

    command.upgrade(configure_alembic(Config(), conn), "head")


def configure_alembic(config: Any, conn: Connection) -> Any:
    """An Alembic configuration for the packaged migrations on an open connection."""
    config.set_main_option("script_location", "flows.ledger:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


def first_error_line(error: Exception) -> str:
    """What the database said, in one line."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().splitlines()[0]


class Ledger:
    """An open ledger. `begin()` gives a write transaction, `read()` one that only reads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Open the ledger at a SQLAlchemy URL, created or migrated up as needed.

        Raises LedgerError, in one line, when it cannot be reached or its schema is newer than this launchdrop's.
        """
        engine = create_ledger_engine(url)
        try:
            migrate_schema(engine)
        except DBAPIError as error:
            engine.dispose()
            raise LedgerError(f"the ledger at {engine.url!r} cannot be opened: {first_error_line(error)}") from error
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
            raise LedgerError(f"the ledger at {self.engine.url!r} cannot be used: {first_error_line(error)}") from error

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
