"""The ledger's database: `Ledger` opens it, brings its schema up to date, and gives transactions.

SQLite (a file) and PostgreSQL (through psycopg 3) are supported.
"""

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

from flows.ledger.core.errors import LedgerError, NoLedger

# `Connection` and `Row` are for modules outside of the ledger, which may not import SQLAlchemy.
__all__ = [
    "MAX_CLOCK_SKEW",
    "Connection",
    "Ledger",
    "Row",
    "configure_alembic",
    "create_ledger_engine",
    "database_file",
    "database_now",
    "migrate_schema",
]

#: The schema's revisions, oldest first. This code works with the last one.
SCHEMA_REVISIONS = ("0001", "0002", "0003")

#: How long a writer waits for another one. Registering a million numbers takes less.
LOCK_TIMEOUT_SECONDS = 60

#: If clocks differ by more, programs launch early, and leases expire too early.
MAX_CLOCK_SKEW = timedelta(seconds=5)

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a power cut must not lose a recorded launch
    f"PRAGMA busy_timeout={LOCK_TIMEOUT_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)

#: PostgreSQL's limits, unless the URL sets others. With the keepalives, client and server notice within a minute that
#: the other side is gone (a cable, a failover), so that its locks are not kept for hours.
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_POSTGRESQL_LIMITS: dict[str, int | str] = {
    "connect_timeout": 10,
    "tcp_user_timeout": 60_000,
    **_KEEPALIVES,
    "options": " ".join(
        [f"-c tcp_{name}={value}" for name, value in _KEEPALIVES.items()] + [f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s"]
    ),
}

#: PostgreSQL's advisory lock for migrating, so that two processes that start at once do not both create the schema.
_MIGRATION_LOCK = 0x1A04C4D0


class Ledger:
    """An open ledger. `begin()` gives a write transaction, `read()` a read-only one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> "Ledger":
        """Open the ledger at a SQLAlchemy URL. Migrates it as needed, and creates it unless `create` is false.

        Raises LedgerError, with one line of text, if it cannot be reached or a newer launchdrop has written it. Raises
        NoLedger if there is none and it may not be created.
        """
        if not create and (file := database_file(url)) is not None and not file.exists():
            raise NoLedger(f"there is no ledger at {file.absolute()}")
        engine = create_ledger_engine(url)
        try:
            migrate_schema(engine, create=create)
        except DBAPIError as error:
            engine.dispose()
            raise LedgerError(f"the ledger at {engine.url!r} cannot be opened: {_first_error_line(error)}") from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction, committed at the end. On SQLite it takes the write lock at its start.

        Raises LedgerError, with one line of text, if the database fails: a full disk, a lost server, a lock timeout.
        """
        with self._database_errors(), self.engine.connect().execution_options(writes=True) as conn, conn.begin():
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction, which never waits for a writer. Raises LedgerError as `begin` does."""
        with self._database_errors(), self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def _database_errors(self) -> Iterator[None]:
        driver: Any = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (OperationalError, driver.OperationalError) as error:  # COPY raises the driver's own errors
            raise LedgerError(
                f"the ledger at {self.engine.url!r} cannot be used: {_first_error_line(error)}"
            ) from error

    @property
    def url(self) -> str:
        """The URL with which another process opens the same ledger, from any folder. Includes the password."""
        url = self.engine.url
        if url.get_backend_name() == "sqlite":
            url = url.set(database=str(Path(url.database or "").absolute()))
        return url.render_as_string(hide_password=False)

    def __str__(self) -> str:
        """The URL for people to read, without the password."""
        return repr(self.engine.url)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def create_ledger_engine(url: str) -> Engine:
    """The SQLAlchemy engine for a ledger's URL. Raises LedgerError unless it is a URL of SQLite or PostgreSQL."""
    parsed = _parse_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            return _create_sqlite_engine(parsed.render_as_string(hide_password=False), parsed.database)
        if parsed.get_backend_name() == "postgresql":
            with_driver = parsed.set(drivername="postgresql+psycopg")
            limits = {name: limit for name, limit in _POSTGRESQL_LIMITS.items() if name not in parsed.query}
            return create_engine(with_driver, connect_args=limits, pool_pre_ping=True, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerError(f"not a ledger URL: {error}".splitlines()[0]) from error
    raise LedgerError(f"the ledger can be sqlite or postgresql, not {parsed.get_backend_name()}")


def database_file(url: str) -> Path | None:
    """The file of a ledger on SQLite; None for PostgreSQL. Raises LedgerError if the URL is malformed."""
    parsed = _parse_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def database_now(conn: Connection) -> datetime | None:
    """The time by the clock of the database's server; None for SQLite, which has no server."""
    if conn.dialect.name != "postgresql":
        return None
    now: datetime = conn.execute(text("select clock_timestamp()")).scalar_one()
    return now


def _parse_url(url: str) -> URL:
    """Parse a URL. A password in its query is moved to the password field, which error messages hide.

    If the port is malformed, the message does not repeat it: it may be part of the password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LedgerError(f"not a ledger URL: {error}".splitlines()[0]) from error
    except ValueError:
        raise LedgerError(
            "not a ledger URL: the port is not a number; in a password, write @ as %40 and : as %3A"
        ) from None
    password = parsed.query.get("password")
    if not isinstance(password, str):
        return parsed
    return parsed.difference_update_query(["password"]).set(password=password)


def _create_sqlite_engine(url: str, database: str | None) -> Engine:
    if not database or database == ":memory:":
        raise LedgerError("the ledger needs a file: sqlite:///path/to/ledger.db")
    try:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"cannot create the ledger's folder {Path(database).parent}: {error.strerror}") from error
    # The file has phone numbers in clear text, so only its owner and group may read it. SQLite gives the same mode to
    # the files that it creates beside it. If the file cannot be created, opening it reports why.
    with suppress(OSError):
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o660))
    # Parameters are hidden because they include phone numbers, which error messages would show.
    engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite_connection)
    event.listen(engine, "begin", _begin_sqlite_transaction)
    return engine


def _set_up_sqlite_connection(raw: SQLiteConnection, _record: Any) -> None:
    # The driver's own transactions begin too late and end at DDL, so the ledger begins them explicitly.
    raw.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        raw.execute(pragma)


def _begin_sqlite_transaction(conn: Connection) -> None:
    # A writer that reads first and then upgrades its lock can fail at once, whatever the timeout is.
    writes = conn.get_execution_options().get("writes", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate_schema(engine: Engine, *, create: bool = True) -> None:
    """Bring the schema up to the last of SCHEMA_REVISIONS. Raises LedgerError if it is newer than that.

    Raises NoLedger if the database is empty and `create` is false.
    """
    with engine.connect() as conn, conn.begin():
        revision = _read_schema_revision(conn, engine)
    if revision == SCHEMA_REVISIONS[-1]:
        return
    if revision is None and not create:
        raise NoLedger(f"there is no ledger in {engine.url!r}")
    with engine.connect().execution_options(writes=True) as conn, conn.begin():
        if conn.dialect.name == "postgresql":
            conn.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        if _read_schema_revision(conn, engine) != SCHEMA_REVISIONS[-1]:
            _upgrade_schema(conn)


def _read_schema_revision(conn: Connection, engine: Engine) -> str | None:
    """The schema's revision; None for an empty database. Raises LedgerError if this code does not know it."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    revision = conn.execute(text("select version_num from alembic_version")).scalar()
    if revision is not None and revision not in SCHEMA_REVISIONS:
        raise LedgerError(
            f"the ledger at {engine.url!r} has schema {revision}; this launchdrop knows up to {SCHEMA_REVISIONS[-1]}: "
            "upgrade launchdrop, or use the version that wrote the ledger"
        )
    return None if revision is None else str(revision)


def _upgrade_schema(conn: Connection) -> None:
    # Imported here for start-up time: a ledger that is up to date, as it is for nearly every command, does not need it.
    from alembic import command
    from alembic.config import Config

    command.upgrade(configure_alembic(Config(), conn), "head")


def configure_alembic(config: Any, conn: Connection) -> Any:
    """Point an Alembic configuration to the packaged migrations and an open connection; returns the configuration."""
    config.set_main_option("script_location", "flows.ledger:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


def _first_error_line(error: Exception) -> str:
    """The first line of the database's own error message."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(original).strip().splitlines()[0]
