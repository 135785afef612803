"""A ledger as JSON, for both databases: dump the ledger of a release, and restore it with the schema of that release.

python -m tests.flows.ledger.ledger_dump FILE    (run once, with the release: dumps the ledger of `fill_ledger`)
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


def dump_ledger(conn: Connection) -> dict[str, Any]:
    """Every row of every table, and the revision of the schema."""
    found = MetaData()
    found.reflect(conn)
    tables = {
        table.name: [[_to_json(value) for value in row] for row in conn.execute(table.select())]
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }
    columns = {name: [column.name for column in found.tables[name].columns] for name in tables}
    schema = conn.execute(text("select version_num from alembic_version")).scalar_one()
    return {"schema": schema, "columns": columns, "tables": tables}


def restore_ledger(url: str, dumped: dict[str, Any]) -> None:
    """Create a ledger of the dump's release in the empty database at this URL, with the content of the dump."""
    from alembic import command
    from alembic.config import Config

    engine = create_ledger_engine(url)
    with engine.connect().execution_options(writes=True) as conn, conn.begin():
        command.upgrade(configure_alembic(Config(), conn), dumped["schema"])
        found = MetaData()
        found.reflect(conn)
        for table in found.sorted_tables:
            columns = [table.c[name] for name in dumped["columns"].get(table.name, ())]
            rows = [
                {column.name: _from_json(column, value) for column, value in zip(columns, row, strict=True)}
                for row in dumped["tables"].get(table.name, ())
            ]
            if rows:
                conn.execute(table.insert(), rows)
            if rows and conn.dialect.name == "postgresql":
                _set_sequences(conn, table)
    engine.dispose()


def _set_sequences(conn: Connection, table: Any) -> None:
    """Have PostgreSQL generate keys after the inserted ones."""
    for column in table.primary_key.columns:
        name = {"table": f'"{table.name}"', "column": column.name}
        sequence = conn.execute(text("select pg_get_serial_sequence(:table, :column)"), name).scalar()
        if sequence:
            highest = f'select setval(:sequence, (select max("{column.name}") from "{table.name}"))'
            conn.execute(text(highest), {"sequence": sequence})


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).isoformat()}
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _from_json(column: Any, value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"at"}:
        at = datetime.fromisoformat(value["at"])
        return at if isinstance(column.type, DateTime) and column.type.timezone else at.replace(tzinfo=None)
    if isinstance(value, dict) and value.keys() == {"bytes"}:
        return base64.b64decode(value["bytes"])
    return bool(value) if isinstance(column.type, Boolean) and value is not None else value


def format_dump(dumped: dict[str, Any]) -> str:
    """A dump as text, with one row per line."""
    tables = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"   {json.dumps(row)}" for row in rows) + "\n  ]"
        for name, rows in dumped["tables"].items()
    ]
    head = json.dumps({name: dumped[name] for name in ("schema", "columns")})
    return head[:-1] + ',\n "tables": {\n' + ",\n".join(tables) + "\n }\n}\n"


def main(path: str) -> None:
    from tests.flows.ledger.busy_ledger import fill_ledger
    from tests.flows.ledger.driver import LedgerDriver

    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
        fill_ledger(LedgerDriver(ledger))
        with ledger.read() as conn:
            Path(path).write_text(format_dump(dump_ledger(conn)))
        ledger.close()


if __name__ == "__main__":
    main(sys.argv[1])
