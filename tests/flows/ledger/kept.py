"""A ledger as JSON, whatever the database: how a release's is kept, and put into a new one of that release's schema.

python -m tests.flows.ledger.kept FILE    (once, with the release itself: makes the ledger of `eventful` and keeps it)
"""

import base64
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Connection, DateTime, MetaData, text

from flows.ledger.core.engine import Ledger, configure_alembic, create_ledger_engine


def dump(conn: Connection) -> dict[str, Any]:
    """Every row of every table, and the schema they are of."""
    found = MetaData()
    found.reflect(conn)
    tables = {
        table.name: [[_out(value) for value in row] for row in conn.execute(table.select())]
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }
    columns = {name: [column.name for column in found.tables[name].columns] for name in tables}
    schema = conn.execute(text("select version_num from alembic_version")).scalar_one()
    return {"schema": schema, "columns": columns, "tables": tables}


def restore(url: str, kept: dict[str, Any]) -> None:
    """Make a ledger of that release at this URL, which is empty, with what was kept in it."""
    from alembic import command
    from alembic.config import Config

    engine = create_ledger_engine(url)
    with engine.connect().execution_options(writes=True) as conn, conn.begin():
        command.upgrade(configure_alembic(Config(), conn), kept["schema"])
        found = MetaData()
        found.reflect(conn)
        for table in found.sorted_tables:
            columns = [table.c[name] for name in kept["columns"].get(table.name, ())]
            rows = [
                {column.name: _in(column, value) for column, value in zip(columns, row, strict=True)}
                for row in kept["tables"].get(table.name, ())
            ]
            if rows:
                conn.execute(table.insert(), rows)
            if rows and conn.dialect.name == "postgresql":
                _count_on(conn, table)
    engine.dispose()


def _count_on(conn: Connection, table: Any) -> None:
    """The next key that PostgreSQL gives comes after those that were put in."""
    for column in table.primary_key.columns:
        name = {"table": f'"{table.name}"', "column": column.name}
        sequence = conn.execute(text("select pg_get_serial_sequence(:table, :column)"), name).scalar()
        if sequence:
            highest = f'select setval(:sequence, (select max("{column.name}") from "{table.name}"))'
            conn.execute(text(highest), {"sequence": sequence})


def _out(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).isoformat()}
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _in(column: Any, value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"at"}:
        at = datetime.fromisoformat(value["at"])
        return at if isinstance(column.type, DateTime) and column.type.timezone else at.replace(tzinfo=None)
    if isinstance(value, dict) and value.keys() == {"bytes"}:
        return base64.b64decode(value["bytes"])
    return bool(value) if isinstance(column.type, Boolean) and value is not None else value


def shown(kept: dict[str, Any]) -> str:
    """As text, a row a line."""
    tables = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"   {json.dumps(row)}" for row in rows) + "\n  ]"
        for name, rows in kept["tables"].items()
    ]
    head = json.dumps({name: kept[name] for name in ("schema", "columns")})
    return head[:-1] + ',\n "tables": {\n' + ",\n".join(tables) + "\n }\n}\n"


def main(path: str) -> None:
    from tests.flows.ledger.eventful import eventful
    from tests.flows.ledger.samples import Desk

    with tempfile.TemporaryDirectory() as place:
        ledger = Ledger.open(f"sqlite:///{place}/ledger.db")
        eventful(Desk(ledger))
        with ledger.read() as conn:
            Path(path).write_text(shown(dump(conn)))
        ledger.close()


if __name__ == "__main__":
    main(sys.argv[1])
