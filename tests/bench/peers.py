"""Peers to compare the engine with. `python -m tests.bench.peers NAME FILE` prints the seconds without imports.

- composition: the obvious way with the same libraries: Pandera on 500-row chunks and phonenumbers row by row. It
  reports which rows fail. It does not check served regions, duplicates or encodings, and suggests no corrections.
- frictionless: a pattern and an enum. It does not check the numbering plan.
"""

import sys
import time
import warnings
from pathlib import Path

from schemas.model.purposes import PURPOSES


def composition(path: str) -> None:
    """Validate with Pandera and phonenumbers, combined as their guides suggest."""
    import pandas as pd
    import pandera.pandas as pa
    import phonenumbers

    def is_valid(number: str) -> bool:
        try:
            return phonenumbers.is_valid_number(phonenumbers.parse(number, "US"))
        except phonenumbers.NumberParseException:
            return False

    def are_valid(numbers: pd.Series) -> pd.Series:
        return pd.Series([is_valid(number) for number in numbers], index=numbers.index)

    schema = pa.DataFrameSchema(
        {
            "phone_number": pa.Column(str, pa.Check(are_valid, name="valid")),
            "call_purpose": pa.Column(str, pa.Check.isin(PURPOSES)),
        }
    )
    started = time.perf_counter()
    chunks = pd.read_csv(
        path,
        header=None,
        names=list(schema.columns),
        dtype=str,
        keep_default_na=False,
        skip_blank_lines=False,
        chunksize=500,
    )
    for chunk in chunks:
        try:
            schema.validate(chunk, lazy=True)
        except pa.errors.SchemaErrors as found:
            len(found.failure_cases)
    print(time.perf_counter() - started)


def frictionless(path: str) -> None:
    """Validate with Frictionless: each cell against the constraint of its column."""
    from frictionless import Dialect, Resource, Schema, validate

    fields = [
        {
            "name": "phone_number",
            "type": "string",
            "constraints": {"required": True, "pattern": r"[+]?[\d ().-]{10,17}"},
        },
        {"name": "call_purpose", "type": "string", "constraints": {"required": True, "enum": list(PURPOSES)}},
    ]
    schema = Schema.from_descriptor({"fields": fields})
    started = time.perf_counter()
    file = Path(path)
    resource = Resource(path=file.name, basepath=str(file.parent), schema=schema, dialect=Dialect(header=False))
    report = validate(resource, limit_errors=10**9)
    took = time.perf_counter() - started
    if not report.tasks[0].stats["rows"]:
        raise RuntimeError(f"Frictionless read nothing: {report.errors or report.tasks[0].errors}")
    print(took)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    {"composition": composition, "frictionless": frictionless}[sys.argv[1]](sys.argv[2])
